package specconv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func TestCgroupsPath(t *testing.T) {
	bundle := newBundle(t)
	for name, tt := range map[string]struct {
		path string
		opts Options
		want configs.Cgroup // its place
		fail bool
	}{
		"absolute":            {path: "/a//b/", want: configs.Cgroup{Path: "/a/b"}},
		"relative":            {path: "a/b", want: configs.Cgroup{Path: "a/b"}},
		"below a root":        {path: "a/b", opts: Options{CgroupRoot: "/r"}, want: configs.Cgroup{Path: "/r/a/b"}},
		"beside a root":       {path: "/a", opts: Options{CgroupRoot: "/r"}, want: configs.Cgroup{Path: "/a"}},
		"none":                {want: configs.Cgroup{Name: "one"}},
		"none, below a root":  {opts: Options{CgroupRoot: "/r"}, want: configs.Cgroup{Name: "one", Parent: "/r"}},
		"colons":              {path: "/a:b:c", want: configs.Cgroup{Path: "/a:b:c"}},
		"systemd's":           {path: "a.slice:b:c", fail: true},
		"unit":                {path: "a.slice:b:c", opts: Options{SystemdCgroup: true}, want: configs.Cgroup{Parent: "a.slice", ScopePrefix: "b", Name: "c"}},
		"unit, no slice":      {path: ":b:c", opts: Options{SystemdCgroup: true}, want: configs.Cgroup{Parent: "system.slice", ScopePrefix: "b", Name: "c"}},
		"unit, no prefix":     {path: "a.slice::c", opts: Options{SystemdCgroup: true}, want: configs.Cgroup{Parent: "a.slice", Name: "c"}},
		"unit, rootless":      {opts: Options{SystemdCgroup: true, Rootless: ptr(true)}, want: configs.Cgroup{Parent: "user.slice", ScopePrefix: "libcontainer", Name: "one"}},
		"unit, no path":       {opts: Options{SystemdCgroup: true}, want: configs.Cgroup{Parent: "system.slice", ScopePrefix: "libcontainer", Name: "one"}},
		"unit, below a root":  {opts: Options{SystemdCgroup: true, CgroupRoot: "r.slice"}, want: configs.Cgroup{Parent: "r.slice", ScopePrefix: "libcontainer", Name: "one"}},
		"a slice":             {path: "a.slice:b:a-c.slice", opts: Options{SystemdCgroup: true}, want: configs.Cgroup{Parent: "a.slice", Name: "a-c.slice"}},
		"unit without a name": {path: "a.slice:b:", opts: Options{SystemdCgroup: true}, fail: true},
		"unit as directory":   {path: "/a/b", opts: Options{SystemdCgroup: true}, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			spec := Example()
			spec.Linux.CgroupsPath = tt.path
			tt.opts.ID, tt.opts.Bundle = "one", bundle
			result, err := convertAll(spec, tt.opts)
			if tt.fail {
				checkPath(t, err, "linux.cgroupsPath")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := *result.Config.Cgroups
			got.Resources, got.Optional = nil, false
			if d := diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Annotations set properties of systemd only for who asks for it.
func TestSystemdAnnotations(t *testing.T) {
	bundle := newBundle(t)
	spec := Example()
	spec.Annotations = map[string]string{
		"org.systemd.property.CollectMode":    "'inactive'",
		"org.systemd.property.TimeoutStopSec": "uint64 5",
		"org.systemd.property.RuntimeMaxSec":  "1.5",
		"org.systemd.property.FooUSec":        "uint64 7",
		"other":                               "x",
	}
	for _, opts := range []Options{{SystemdCgroup: true}, {AllowSystemdAnnotations: true}} {
		opts.ID, opts.Bundle = "one", bundle
		result := mustConvert(t, spec, opts)
		if len(result.Config.Cgroups.SystemdProperties) != 0 || len(result.Warnings) != 4 {
			t.Errorf("%+v: properties %v, warnings %v", opts, result.Config.Cgroups.SystemdProperties, result.Warnings)
		}
		if len(result.Config.Annotations) != 5 {
			t.Errorf("hooks are told %v", result.Config.Annotations)
		}
	}
	opts := Options{ID: "one", Bundle: bundle, SystemdCgroup: true, AllowSystemdAnnotations: true}
	result := mustConvert(t, spec, opts)
	want := []configs.SystemdProperty{
		{Name: "CollectMode", Value: "'inactive'"}, {Name: "FooUSec", Value: "uint64 7"},
		{Name: "RuntimeMaxUSec", Value: "uint64 1500000"}, {Name: "TimeoutStopUSec", Value: "uint64 5000000"},
	}
	if d := diff(want, result.Config.Cgroups.SystemdProperties); d != "" || len(result.Warnings) != 0 {
		t.Errorf("warnings %v, properties (-want +got):\n%s", result.Warnings, d)
	}
	for name, value := range map[string]string{"": "1", "A.B": "1", "RuntimeMaxSec": "soon", "XSec": "-1"} {
		spec.Annotations = map[string]string{systemdAnnotation + name: value}
		_, err := convertAll(spec, opts)
		checkPath(t, err, key("annotations", systemdAnnotation+name))
	}
}

// Without privileges there are cgroups only where they can be had, and no rules for devices.
func TestRootless(t *testing.T) {
	bundle := newBundle(t)
	for _, rootless := range []bool{false, true} {
		result := mustConvert(t, Example(), Options{ID: "one", Bundle: bundle, Rootless: &rootless})
		cg := result.Config.Cgroups
		if cg.Optional != rootless || cg.SkipDevices != rootless || (len(cg.DeviceRules) == 0) != rootless {
			t.Errorf("rootless %v: %+v", rootless, cg)
		}
		if (len(result.Warnings) == 1) != rootless {
			t.Errorf("rootless %v: warnings %v", rootless, result.Warnings)
		}
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	var inside, outside, size uint32
	if n, err := fmt.Sscan(string(text), &inside, &outside, &size); n != 3 {
		t.Fatalf("mapping %q: %v", text, err)
	}
	initial := inside == 0 && outside == 0 && size == 1<<32-1
	if got, want := isRootless(nil), os.Geteuid() != 0 || !initial; got != want {
		t.Errorf("this process is rootless: %v, want %v", got, want)
	}
}

func TestMountTable(t *testing.T) {
	bundle := newBundle(t)
	for name, tt := range map[string]struct {
		given specs.Mount
		want  configs.Mount
	}{
		"options of the file system": {
			specs.Mount{Destination: "/t", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "size=1k", "tmpcopyup", "mode=700"}},
			configs.Mount{Destination: "/t", Device: "tmpfs", Source: "tmpfs", Flags: unix.MS_NOSUID, CopyUp: true, Data: "size=1k,mode=700"},
		},
		"bind without the option": {
			specs.Mount{Destination: "/b", Type: "bind", Source: "/", Options: []string{"ro", "exec"}},
			configs.Mount{Destination: "/b", Device: "bind", Source: "/", Flags: unix.MS_BIND | unix.MS_RDONLY, FlagsClear: unix.MS_NOEXEC},
		},
		"bind of the bundle": {
			specs.Mount{Destination: "/b/../c", Source: "a/../d", Options: []string{"rbind", "rw", "rprivate"}},
			configs.Mount{
				Destination: "/c", Device: "bind", Source: filepath.Join(bundle, "d"), Flags: unix.MS_BIND | unix.MS_REC,
				FlagsClear: unix.MS_RDONLY, PropagationFlags: []int{unix.MS_PRIVATE | unix.MS_REC},
			},
		},
		"mappings alone": {
			specs.Mount{
				Destination: "/b", Source: "/", Options: []string{"bind"},
				UIDMappings: []specs.LinuxIDMapping{{Size: 1}}, GIDMappings: []specs.LinuxIDMapping{{Size: 2}},
			},
			configs.Mount{
				Destination: "/b", Device: "bind", Source: "/", Flags: unix.MS_BIND, IDMapping: configs.IDMapMount,
				UidMappings: []configs.IDMap{{Size: 1}}, GidMappings: []configs.IDMap{{Size: 2}},
			},
		},
		"remount": {
			specs.Mount{Destination: "/proc", Options: []string{"remount", "ro", "noiversion"}},
			configs.Mount{Destination: "/proc", Device: "none", Flags: unix.MS_REMOUNT | unix.MS_RDONLY},
		},
		"remount of a bind mount": {
			specs.Mount{Destination: "/b", Options: []string{"bind", "remount", "ro"}},
			configs.Mount{Destination: "/b", Device: "bind", Flags: unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := Example()
			spec.Mounts = []specs.Mount{tt.given}
			if d := diff(&tt.want, mustConvert(t, spec, Options{ID: "one", Bundle: bundle}).Config.Mounts[0]); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// A device that is listed takes the place of the default one, and paths are hidden once.
func TestDevicesAndPaths(t *testing.T) {
	spec := Example()
	spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev//null", Type: "c", Major: 1, Minor: 3}, {Path: "/dev/fifo", Type: "p"}}
	spec.Linux.MaskedPaths = []string{"/a/b", "/a//b", "/c"}
	config := mustConvert(t, spec, Options{ID: "one", Bundle: newBundle(t)}).Config
	var paths []string
	for _, d := range config.Devices {
		paths = append(paths, d.Path)
	}
	if want := []string{"/dev/zero", "/dev/full", "/dev/tty", "/dev/urandom", "/dev/random", "/dev/null", "/dev/fifo"}; !slices.Equal(paths, want) {
		t.Errorf("devices %q, want %q", paths, want)
	}
	if mode := config.Devices[6].FileMode; mode != 0o666 {
		t.Errorf("mode %#o of a device without one", mode)
	}
	if want := []string{"/a/b", "/c"}; !slices.Equal(config.MaskPaths, want) {
		t.Errorf("masked paths %q, want %q", config.MaskPaths, want)
	}
}

// Conditions for different arguments must all hold; if any argument has several, one is enough.
func TestSeccompAlternatives(t *testing.T) {
	arg := func(index uint, value uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Value: value, Op: specs.OpEqualTo}
	}
	for name, tt := range map[string]struct {
		args []specs.LinuxSeccompArg
		want [][]uint64
	}{
		"none":    {nil, [][]uint64{nil}},
		"all":     {[]specs.LinuxSeccompArg{arg(0, 1), arg(1, 2)}, [][]uint64{{1, 2}}},
		"one":     {[]specs.LinuxSeccompArg{arg(0, 1), arg(0, 2)}, [][]uint64{{1}, {2}}},
		"one, of": {[]specs.LinuxSeccompArg{arg(0, 1), arg(1, 2), arg(0, 3)}, [][]uint64{{1}, {2}, {3}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := Example()
			spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
				{Names: []string{"socket"}, Action: specs.ActAllow, Args: tt.args},
			}}
			var got [][]uint64
			for _, rule := range mustConvert(t, spec, Options{ID: "one", Bundle: newBundle(t)}).Config.Seccomp.Syscalls {
				var values []uint64
				for _, a := range rule.Args {
					values = append(values, a.Value)
				}
				got = append(got, values)
			}
			if d := diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestToProcess(t *testing.T) {
	config := &configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWUSER}}}
	got, warnings, err := ToProcess(fullProcess(), config)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := &libcontainer.Process{
		Args: []string{"/bin/cat", "file"}, Env: []string{"A=b"}, User: "7:8", AdditionalGroups: []string{"9", "10"},
		ReplaceGroups: true, Cwd: "/work", MakeCwd: true, ConsoleSize: &configs.ConsoleSize{Height: 24, Width: 80},
		CapabilitySets: &configs.CapabilitySets{
			Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"},
			Permitted: []string{"CAP_KILL", "CAP_CHOWN"}, Ambient: []string{"CAP_KILL"},
		},
		Rlimits: []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: 2, Soft: 1}}, NoNewPrivileges: true,
		Label: "label", AppArmorProfile: "profile", OomScoreAdj: ptr(100), Umask: ptr(uint32(0o77)),
		Scheduler: &configs.Scheduler{
			Policy: "SCHED_DEADLINE", Nice: 1, Priority: 2, Flags: []string{"SCHED_FLAG_RECLAIM"}, Runtime: 3, Deadline: 4, Period: 5,
		},
		IOPriority:  &configs.IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 6},
		CPUAffinity: &configs.CPUAffinity{Initial: "0", Final: "0-1"},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got, _, err = ToProcess(&specs.Process{Args: []string{"true"}, Cwd: "/", ConsoleSize: &specs.Box{Height: 1}}, config)
	if err != nil {
		t.Fatal(err)
	}
	want = &libcontainer.Process{Args: []string{"true"}, User: "0:0", ReplaceGroups: true, Cwd: "/", MakeCwd: true, AllowNewPrivileges: true}
	if d := diff(want, got); d != "" {
		t.Errorf("the rest is not the container's (-want +got):\n%s", d)
	}
	_, _, err = ToProcess(nil, config)
	checkPath(t, err, "process")
	_, _, err = ToProcess(fullProcess(), nil)
	checkPath(t, err, "process")
}

func TestToResources(t *testing.T) {
	got, warnings, err := ToResources(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}})
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	if d := diff(&configs.Resources{PidsLimit: 1, MemorySwappiness: -1, SkipDevices: true}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got, warnings, err = ToResources(fullResources())
	if err != nil || len(warnings) != 2 {
		t.Fatal(err, warnings)
	}
	want := fullLimits()
	want.DeviceRules = append(want.DeviceRules, defaultRules()...)
	if d := diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	_, _, err = ToResources(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-5))}})
	checkPath(t, err, "linux.resources.pids.limit")
	if _, _, err = ToResources(nil); err != nil {
		t.Error(err)
	}
}

func TestLoadOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "process.json")
	if err := os.WriteFile(file, []byte(`{"args": ["true"], "cwd": "/", "pids": {"limit": 4}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := LoadProcess(file); err != nil || p.Cwd != "/" {
		t.Errorf("%+v, error %v", p, err)
	}
	if r, err := LoadResources(file); err != nil || *r.Pids.Limit != 4 {
		t.Errorf("%+v, error %v", r, err)
	}
	if _, err := LoadProcess(file + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
