//go:build linux

package group

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const psi = "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"

// hybrid is a machine with cgroup v2 beside cgroup v1.
var hybrid = map[string]map[string]string{
	"memory":  {"memory.stat": "v1", "cgroup.procs": "m", "tasks": "m", "memory.oom_control": "oom_kill 3\n"},
	"blkio":   {"blkio.x": "b", "tasks": "b"},
	"cpuacct": {"cpuacct.usage": "a"},
	"": {
		"cgroup.controllers": "hugetlb misc\n", "cgroup.procs": "u", "memory.pressure": psi, "hugetlb.2MB.max": "h",
		"memory.stat": "v2", "cpu.pressure": psi, "io.pressure": psi,
	},
}

func TestReadFile(t *testing.T) {
	g, _ := fakeGroup(t, hybrid)
	for name, want := range map[string]string{
		"memory.stat": "v1", "memory.pressure": psi, "hugetlb.2MB.max": "h", "cgroup.procs": "u", "blkio.x": "b", "cpuacct.usage": "a", "tasks": "b",
	} {
		if got, err := g.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	_, err := g.ReadFile("memory.none")
	wantError(t, err, fs.ErrNotExist, filepath.Join(g.Path("memory"), "memory.none"))
}

// Nothing but a file of the group is read, whatever the name and the file are.
func TestReadFileStaysInside(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {"long": strings.Repeat("x", MaxFile+1), "full": strings.Repeat("x", MaxFile)}})
	dir := d.paths[""]
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "sub", "file"), nil, 0o600))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	for _, name := range []string{"", ".", "..", "sub/file", "/etc/passwd", "../x", "a\x00b", "link", "sub", strings.Repeat("x", 256)} {
		if got, err := g.ReadFile(name); err == nil {
			t.Errorf("%q: read %q", name, got)
		}
	}
	_, err := g.ReadFile("sub")
	wantError(t, err, unix.EISDIR, "sub")
	_, err = g.ReadFile("long")
	wantError(t, err, unix.EFBIG, filepath.Join(dir, "long"))
	if got, err := g.ReadFile("full"); err != nil || len(got) != MaxFile {
		t.Errorf("of %d bytes: got %d, %v", MaxFile, len(got), err)
	}
	g.kind = cgdir.Cgroup
	_, err = g.ReadFile("full")
	wantError(t, err, nil, "not on a cgroup file system")
}

func TestPath(t *testing.T) {
	g, d := fakeGroup(t, hybrid)
	for controller, key := range map[string]string{"memory": "memory", "": "", "hugetlb": "", "misc": ""} {
		if got := g.Path(controller); got != d.paths[key] {
			t.Errorf("%q: got %q, want %q", controller, got, d.paths[key])
		}
	}
	for _, none := range []string{"io", "pids", "name=systemd"} {
		if got := g.Path(none); got != "" {
			t.Errorf("%q: got %q", none, got)
		}
	}
	alone, d := fakeGroup(t, map[string]map[string]string{"": {}})
	if got := alone.Path("memory"); got != d.paths[""] {
		t.Errorf("cgroup v2 alone: got %q", got)
	}
	if got := alone.Path("name=systemd"); got != "" {
		t.Errorf("cgroup v2 alone: name=systemd is %q", got)
	}
	if there, err := alone.Exists(t.Context()); err != nil || !there {
		t.Errorf("exists %v, %v", there, err)
	}
}

func TestOOMKills(t *testing.T) {
	g, _ := fakeGroup(t, hybrid)
	if n, err := g.OOMKills(); err != nil || n != 3 {
		t.Errorf("got %d, %v", n, err)
	}
	v2, _ := fakeGroup(t, map[string]map[string]string{"": {"memory.events": "oom 9\noom_kill 7\n"}})
	if n, err := v2.OOMKills(); err != nil || n != 7 {
		t.Errorf("cgroup v2: got %d, %v", n, err)
	}
	old, _ := fakeGroup(t, map[string]map[string]string{"memory": {"memory.oom_control": "under_oom 0\n"}})
	_, err := old.OOMKills()
	wantError(t, err, errors.ErrUnsupported, "memory.oom_control")
}

func TestPressure(t *testing.T) {
	g, _ := fakeGroup(t, hybrid)
	p, err := g.Pressure()
	if err != nil {
		t.Fatal(err)
	}
	if p.CPU == nil || p.Memory == nil || p.IO == nil || p.IO.Some.Avg60 != 2 || p.Memory.Some.Total != 4 {
		t.Errorf("got %+v", p)
	}
	for name, hierarchies := range map[string]map[string]map[string]string{
		"cgroup v1":   {"memory": {"memory.stat": ""}},
		"no pressure": {"": {"cgroup.procs": ""}},
	} {
		g, _ := fakeGroup(t, hierarchies)
		_, err := g.Pressure()
		wantError(t, err, errors.ErrUnsupported, "not supported")
		var typed *NotSupportedError
		if !errors.As(err, &typed) || typed.Needs == "" {
			t.Errorf("%s: error %v, want a NotSupportedError", name, err)
		}
	}
	bad, _ := fakeGroup(t, map[string]map[string]string{"": {"cgroup.procs": "", "cpu.pressure": "some avg10=x\n"}})
	_, err = bad.Pressure()
	wantError(t, err, nil, "cpu.pressure")
}
