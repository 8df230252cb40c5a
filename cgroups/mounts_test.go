package cgroups

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMountGetThisCgroupDir(t *testing.T) {
	own := map[string]string{"cpu": "/a", "name=systemd": "/b"}
	for _, test := range []struct {
		subsystems []string
		want       string
	}{
		{[]string{"cpu", "cpuacct"}, "/a"},
		{[]string{"name=systemd"}, "/b"},
		{[]string{"systemd"}, "/b"},
	} {
		if got, err := (Mount{Subsystems: test.subsystems}).GetThisCgroupDir(own); err != nil || got != test.want {
			t.Errorf("%v: got %q, %v, want %q", test.subsystems, got, err, test.want)
		}
	}
	if _, err := (Mount{Subsystems: []string{"pids"}}).GetThisCgroupDir(own); !IsNotFound(err) {
		t.Errorf("an unknown controller: %v", err)
	}
	if _, err := (Mount{}).GetThisCgroupDir(own); err == nil || IsNotFound(err) {
		t.Errorf("no controller: %v", err)
	}
}

func TestNotFound(t *testing.T) {
	err := NewNotFoundError("pids")
	if !strings.Contains(err.Error(), "pids") {
		t.Errorf("the message is %q", err)
	}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {err, true}, {fmt.Errorf("x: %w", err), true}, {errors.New("pids"), false},
	} {
		if got := IsNotFound(test.err); got != test.want {
			t.Errorf("IsNotFound(%v) is %v", test.err, got)
		}
	}
}

func TestParseSubsystems(t *testing.T) {
	const head = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
	got, err := parseSubsystems(strings.NewReader(head + "cpuset\t3\t2\t1\nmemory\t0\t1\t0\npids\t8\t1\t1\n"))
	if want := []string{"cpuset", "pids"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := parseSubsystems(strings.NewReader(head + "cpuset\t3\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, %v, want an error in line 2", got, err)
	}
}

// The functions on the machine's mounts agree with each other.
func TestThisMachine(t *testing.T) {
	layout, err := DetectLayout()
	if IsNotFound(err) {
		t.Skip("no cgroup file system is mounted here")
	}
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := GetCgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	if layout != LayoutV2 && len(mounts) == 0 {
		t.Errorf("the layout is %v, but there are no mounts of cgroup v1", layout)
	}
	dir, err := FindCgroupMountpointDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		mountpoint, err := FindCgroupMountpoint(m.Subsystems[0])
		if err != nil || !PathExists(mountpoint) {
			t.Errorf("%v is on %q, %v", m.Subsystems, mountpoint, err)
		}
		if m.Mountpoint == mounts[0].Mountpoint && filepath.Dir(m.Mountpoint) != dir {
			t.Errorf("FindCgroupMountpointDir gives %s, but %v is on %s", dir, m.Subsystems, m.Mountpoint)
		}
		for name, get := range map[string]func(string) (string, error){"this": GetThisCgroupDir, "init": GetInitCgroupDir} {
			if dir, err := get(m.Subsystems[0]); err != nil || !strings.HasPrefix(dir, "/") {
				t.Errorf("the cgroup of %s for %v is %q, %v", name, m.Subsystems, dir, err)
			}
		}
	}
	if _, err := FindCgroupMountpoint("no-such-controller"); !IsNotFound(err) {
		t.Errorf("an unknown controller: %v", err)
	}
	if names, err := GetAllSubsystems(); err != nil || len(names) == 0 {
		t.Errorf("GetAllSubsystems gives %v, %v", names, err)
	}
}
