//go:build linux

package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeCgroup makes a directory with the given files and a cgroup.procs, as an
// imitation of a cgroup.
func fakeCgroup(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, files)
	return dir
}

// fill makes files in the directory dir, which it makes too.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeManager returns a manager of one controller's imitated cgroup.
func fakeManager(t *testing.T, key string, files map[string]string) (*Manager, string) {
	t.Helper()
	dir := fakeCgroup(t, files)
	return &Manager{
		Cgroups: &configs.Cgroup{Name: "c"},
		Paths:   map[string]string{key: dir},
		state:   cgmanager.State{Kind: cgdir.Any},
	}, dir
}

// setTest is a case of setting limits of one controller.
type setTest struct {
	name      string
	files     map[string]string
	resources configs.Resources
	want      map[string]string // files afterwards
	wantErr   string            // a part of the error; "" for none
}

// runSetTests runs cases on the controller key. Resources without devices
// would forbid all, so AllowAllDevices is set in all cases but those of devices.
func runSetTests(t *testing.T, key string, tests []setTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, dir := fakeManager(t, key, test.files)
			if key != "devices" {
				test.resources.AllowAllDevices = true
			}
			err := m.Set(config(&test.resources))
			switch {
			case test.wantErr == "" && err != nil:
				t.Fatal(err)
			case test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)):
				t.Fatalf("got the error %v, want one with %q", err, test.wantErr)
			}
			for name, want := range test.want {
				if got := readFile(t, filepath.Join(dir, name)); got != want {
					t.Errorf("%s has %q, want %q", name, got, want)
				}
			}
		})
	}
}

// fakeStats reads the statistics of one controller's imitated cgroup.
func fakeStats(t *testing.T, key string, files map[string]string) (*cgroups.Stats, error) {
	t.Helper()
	m, _ := fakeManager(t, key, files)
	return m.GetStats()
}

// fakeHybrid makes an imitation of a machine with the hybrid layout, whose
// process is in the cgroup own of each hierarchy, and returns its snapshot and
// the directory of its mountpoints.
func fakeHybrid(t *testing.T, own string) (*cgroups.Snapshot, string) {
	t.Helper()
	dir := t.TempDir()
	var mountinfo, cgroup strings.Builder
	add := func(id int, name, fsType, keys string) {
		mountpoint := filepath.Join(dir, name)
		files := map[string]string{}
		if keys == "cpuset" {
			files = map[string]string{cpusetCpus: "0-3\n", cpusetMems: "0\n"}
		}
		fill(t, mountpoint, files)
		fill(t, filepath.Join(mountpoint, own), files)
		options := strings.TrimSuffix("rw,xattr,"+keys, ",")
		fmt.Fprintf(&mountinfo, "%d 1 0:%d / %s rw,relatime shared:3 - %s cgroup %s\n", id, id, mountpoint, fsType, options)
		fmt.Fprintf(&cgroup, "%d:%s:%s\n", id, keys, own)
	}
	add(30, "cpu,cpuacct", "cgroup", "cpu,cpuacct")
	add(31, "cpuset", "cgroup", "cpuset")
	add(32, "memory", "cgroup", "memory")
	add(33, "systemd", "cgroup", "name=systemd")
	add(0, "unified", "cgroup2", "")
	s, err := cgroups.NewSnapshot(strings.NewReader(mountinfo.String()), strings.NewReader(cgroup.String()))
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}
