package apitest

import (
	"testing"
)

const module = "github.com/libcontainer/libcontainer"

// listings are the packages of the classic API with their files in testdata.
var listings = []struct{ file, pkg string }{
	{"libcontainer.txt", module},
	{"configs.txt", module + "/configs"},
	{"configs-validate.txt", module + "/configs/validate"},
	{"cgroups.txt", module + "/cgroups"},
	{"cgroups-fs.txt", module + "/cgroups/fs"},
	{"cgroups-systemd.txt", module + "/cgroups/systemd"},
	{"devices.txt", module + "/devices"},
	{"seccomp.txt", module + "/seccomp"},
	{"utils.txt", module + "/utils"},
	{"user.txt", module + "/user"},
	{"label.txt", module + "/label"},
	{"apparmor.txt", module + "/apparmor"},
}

// exceptions are the tags that differ from the classic ones on purpose, by
// package and field. The originals had the tags of CpuQuota and CpuPeriod, so
// that encoding/json dropped all four.
var exceptions = map[string]string{
	"configs.Resources.CpuRtRuntime": `json:"cpu_rt_runtime"`,
	"configs.Resources.CpuRtPeriod":  `json:"cpu_rt_period"`,
}

// promoted are fields that the listings don't show, since they are those of an
// embedded unexported type, and that programs use nevertheless.
var promoted = []struct{ pkg, typ, field, want string }{
	{module + "/configs", "ThrottleDevice", "Major", "int64"},
	{module + "/configs", "ThrottleDevice", "Minor", "int64"},
	{module + "/configs", "WeightDevice", "Major", "int64"},
	{module + "/configs", "WeightDevice", "Minor", "int64"},
}

func TestClassicAPI(t *testing.T) {
	compiled := load(t)
	for _, listing := range listings {
		t.Run(listing.pkg, func(t *testing.T) {
			got, err := compiled.pkg(listing.pkg)
			if err != nil {
				t.Fatal(err)
			}
			want, err := parseListing(listing.file, listing.pkg, compiled)
			if err != nil {
				t.Fatal(err)
			}
			for _, difference := range compare(want, got, exceptions) {
				t.Error(difference)
			}
		})
	}
}

func TestPromotedFields(t *testing.T) {
	compiled := load(t)
	for _, p := range promoted {
		pkg, err := compiled.pkg(p.pkg)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPromoted(pkg, p.typ, p.field, p.want); err != nil {
			t.Error(err)
		}
	}
}
