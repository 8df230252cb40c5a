//go:build linux

package fs

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

func TestLeaveOut(t *testing.T) {
	for name, tt := range map[string]struct {
		optional  bool
		joined    bool
		inUse     bool
		resources *configs.Resources
		leaves    bool
	}{
		"optional":          {optional: true, leaves: true},
		"no limit of it":    {optional: true, resources: &configs.Resources{AllowAllDevices: true, PidsLimit: 3}, leaves: true},
		"not optional":      {},
		"joined":            {optional: true, joined: true},
		"in use":            {optional: true, inUse: true},
		"needed by a limit": {optional: true, resources: &configs.Resources{AllowAllDevices: true, Memory: 1 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "c")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if tt.inUse { // a directory that cannot be removed
				if err := os.Mkdir(dir+"/sub", 0o755); err != nil {
					t.Fatal(err)
				}
			}
			paths := map[string]string{"memory": dir, "x": dir, "pids": "/other"}
			m := &Manager{
				Cgroups: &configs.Cgroup{Name: "c", Optional: tt.optional, Resources: tt.resources},
				Paths:   maps.Clone(paths), made: []string{"/above", dir}, kind: cgdir.Any,
			}
			if tt.joined {
				m.Cgroups.Paths = paths
			}
			err := m.leaveOut(dir, unix.EACCES)
			if !tt.leaves {
				if !errors.Is(err, unix.EACCES) || !maps.Equal(m.GetPaths(), paths) || !cgroups.PathExists(dir) {
					t.Errorf("error %v, paths %v; want nothing done", err, m.GetPaths())
				}
				return
			}
			if err != nil || !maps.Equal(m.GetPaths(), map[string]string{"pids": "/other"}) || cgroups.PathExists(dir) {
				t.Errorf("error %v, paths %v; want it left out", err, m.GetPaths())
			}
			if parents := m.MadeParents(); len(parents) != 1 || parents[0] != "/above" {
				t.Errorf("made parents %v", parents)
			}
			if err := m.missing("memory"); !errors.Is(err, unix.EACCES) || !cgroups.IsNotFound(err) {
				t.Errorf("what is missing is %v", err)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	refused := map[string]error{"memory": errors.New("mkdir /m: no"), "pids": errors.New("mkdir /p: no")}
	for name, tt := range map[string]struct {
		optional bool
		refused  map[string]error
		key      string
		want     string
		notFound bool
	}{
		"not mounted":           {key: "memory", want: "no cgroup mount found for memory", notFound: true},
		"none":                  {key: "", want: "the container has no cgroups"},
		"refused":               {true, refused, "pids", "no cgroup for pids, which is optional and was not permitted: mkdir /p: no", true},
		"all refused":           {true, refused, "", "no cgroup, which is optional and was not permitted: mkdir /m: no", true},
		"by another process":    {true, nil, "pids", "no cgroup for pids, which is optional and was not permitted or not mounted", true},
		"optional, not mounted": {true, refused, "cpu", "no cgroup for cpu, which is optional and was not permitted or not mounted", true},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: tt.optional}, refused: tt.refused}
			err := m.missing(tt.key)
			if !strings.HasSuffix(err.Error(), tt.want) || cgroups.IsNotFound(err) != tt.notFound {
				t.Errorf("got %q, IsNotFound %v; want %q, %v", err, cgroups.IsNotFound(err), tt.want, tt.notFound)
			}
		})
	}
}

// Statistics of zeros would be taken for true ones.
func TestStatsWithoutOptionalCgroups(t *testing.T) {
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: true}}
	if stats, err := m.GetStats(); err == nil || !cgroups.IsNotFound(err) {
		t.Errorf("got %v, %v", stats, err)
	}
	if err := m.Freeze(configs.Frozen); !cgroups.IsNotFound(err) {
		t.Errorf("freeze: %v", err)
	}
}
