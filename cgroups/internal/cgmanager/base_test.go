//go:build linux

package cgmanager

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeVersion has its directories below dir, one for each key.
type fakeVersion struct {
	dir    string
	keys   []string
	cannot string // the key of a hierarchy in which nothing can be made
	needed string // the key that a limit is for
	full   error  // no process can be moved, because of this

	made  []string
	moved []int
	reset int
	ahead bool
}

func (v *fakeVersion) path(key string) string { return filepath.Join(v.dir, key, "p", "c") }

func (v *fakeVersion) Targets(*cgroups.Snapshot) (targets []cgtree.Target, err error) {
	for _, key := range v.keys {
		t := cgtree.Target{Keys: []string{key}, Base: filepath.Join(v.dir, key), Names: []string{"p", "c"}}
		if key == v.cannot {
			t.Fill = func(_, _ *cgdir.Dir, _ bool) error { return unix.EACCES }
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (v *fakeVersion) Joined() (map[string]string, error) {
	return map[string]string{"b": v.dir + "/b", "gone": v.dir + "/gone"}, nil
}
func (v *fakeVersion) Lacks(*cgroups.Snapshot) bool               { return false }
func (v *fakeVersion) Created(_ *cgroups.Snapshot, made []string) { v.made = made }
func (v *fakeVersion) Ahead(done bool)                            { v.ahead = done }
func (v *fakeVersion) Move(pid int) error                         { v.moved = append(v.moved, pid); return v.full }
func (v *fakeVersion) Needs(keys []string) bool                   { return slices.Contains(keys, v.needed) }
func (v *fakeVersion) Reset()                                     { v.reset++ }

// fakeBase returns the common part of a manager on a machine with the hierarchies a, b
// and c.
func fakeBase(t *testing.T, optional bool) (Base, *fakeVersion) {
	t.Helper()
	v := &fakeVersion{dir: t.TempDir(), keys: []string{"a", "b", "c"}, needed: "none"}
	for _, key := range v.keys {
		if err := os.Mkdir(filepath.Join(v.dir, key), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := cgroups.NewSnapshot(strings.NewReader(""), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return Base{
		Cgroups: &configs.Cgroup{Name: "c", Parent: "p", Optional: optional},
		Paths:   new(map[string]string),
		State:   &State{Snapshot: s, Kind: cgdir.Any},
		Version: v,
	}, v
}

// checkThere checks which of the container's directories, or of their parents, exist.
func checkThere(t *testing.T, v *fakeVersion, want ...string) {
	t.Helper()
	var got []string
	for _, key := range v.keys {
		if cgroups.PathExists(filepath.Dir(v.path(key))) {
			got = append(got, key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("there are directories in %q, want %q", got, want)
	}
}

func TestLife(t *testing.T) {
	b, v := fakeBase(t, false)
	for range 2 {
		planned, parents, err := b.Plan()
		if err != nil || len(planned) != 3 || len(parents) != 3 {
			t.Fatalf("planned %v, parents %v, error %v", planned, parents, err)
		}
		checkThere(t, v)
		if err := b.Create(); err != nil {
			t.Fatal(err)
		}
		checkThere(t, v, "a", "b", "c")
		if got := b.GetPaths(); !maps.Equal(got, planned) || !v.ahead || len(v.made) != 6 {
			t.Errorf("paths %v, want %v; ahead %v, made %q", got, planned, v.ahead, v.made)
		}
		if got := b.MadeParents(); !slices.Equal(got, parents) {
			t.Errorf("made the parents %q, want %q", got, parents)
		}
		if err := b.Destroy(); err != nil {
			t.Fatal(err)
		}
		checkThere(t, v)
		if got := b.GetPaths(); len(got) != 0 || *b.Paths != nil {
			t.Errorf("after Destroy there are the paths %v", got)
		}
	}
	if v.reset != 2 {
		t.Errorf("state was reset %d times, want 2", v.reset)
	}
}

// What an Apply has made that failed is gone; what was there before stays.
func TestApplyFails(t *testing.T) {
	b, v := fakeBase(t, false)
	v.full = unix.EBUSY
	if err := b.Apply(17); !errors.Is(err, unix.EBUSY) {
		t.Errorf("got %v, want EBUSY", err)
	}
	checkThere(t, v)
	if got := b.GetPaths(); len(got) != 0 || v.reset != 1 {
		t.Errorf("paths %v, reset %d times", got, v.reset)
	}
	if err := b.Create(); err != nil {
		t.Fatal(err)
	}
	before := b.GetPaths()
	if err := b.Apply(17); !errors.Is(err, unix.EBUSY) {
		t.Errorf("got %v, want EBUSY", err)
	}
	checkThere(t, v, "a", "b", "c")
	if got := b.GetPaths(); !maps.Equal(got, before) || v.reset != 1 {
		t.Errorf("paths %v, want %v; reset %d times", got, before, v.reset)
	}
	v.full = nil
	if err := errors.Join(b.Apply(18), b.Apply(-1)); err != nil {
		t.Error(err)
	}
	if want := []int{17, 17, 18}; !slices.Equal(v.moved, want) {
		t.Errorf("moved %v, want %v", v.moved, want)
	}
	if err := b.Apply(0); err == nil {
		t.Error("the process 0 was accepted")
	}
	if err := b.Destroy(); err != nil {
		t.Error(err)
	}
	checkThere(t, v)
}

// A hierarchy in which nothing may be made is passed over, or takes the others with it.
func TestCreateNotPermitted(t *testing.T) {
	for _, optional := range []bool{true, false} {
		b, v := fakeBase(t, optional)
		v.cannot = "b"
		err := b.Create()
		if !optional {
			if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "make the cgroup for b") || v.ahead {
				t.Errorf("got %v; ahead %v", err, v.ahead)
			}
			checkThere(t, v)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]string{"a": v.path("a"), "c": v.path("c")}; !maps.Equal(b.GetPaths(), want) {
			t.Errorf("paths %v, want %v", b.GetPaths(), want)
		}
		if err := b.Missing("b"); !errors.Is(err, unix.EACCES) || !cgroups.IsNotFound(err) {
			t.Errorf("what is missing is %v", err)
		}
	}
}

func TestJoin(t *testing.T) {
	b, v := fakeBase(t, false)
	b.Cgroups.Paths = map[string]string{"x": "/x"}
	err := b.Create()
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "join the cgroup for gone") || len(b.GetPaths()) != 0 {
		t.Errorf("got %v, paths %v", err, b.GetPaths())
	}
	if err := os.Mkdir(v.dir+"/gone", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(); err != nil || len(b.GetPaths()) != 2 {
		t.Errorf("got %v, paths %v", err, b.GetPaths())
	}
	if err := b.Destroy(); err != nil || len(b.GetPaths()) != 0 || !cgroups.PathExists(v.dir+"/gone") {
		t.Errorf("destroy: %v, paths %v; the cgroup is there: %v", err, b.GetPaths(), cgroups.PathExists(v.dir+"/gone"))
	}
}

func TestAdoptParents(t *testing.T) {
	b, v := fakeBase(t, false)
	if err := b.Create(); err != nil {
		t.Fatal(err)
	}
	parents := b.MadeParents()
	other := filepath.Join(v.dir, "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	paths := b.GetPaths()
	loaded := Base{Cgroups: b.Cgroups, Paths: &paths, State: &State{Kind: cgdir.Any}, Version: v}
	loaded.AdoptParents(append(parents, other))
	if got := loaded.MadeParents(); !slices.Equal(got, parents) {
		t.Errorf("adopted %q, want %q", got, parents)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	checkThere(t, v)
	if !cgroups.PathExists(other) {
		t.Error("a directory was removed that does not lead to the container's")
	}
}

func TestLimits(t *testing.T) {
	b, _ := fakeBase(t, false)
	r := new(configs.Resources)
	for name, test := range map[string]struct {
		container *configs.Config
		want      *configs.Resources
	}{
		"nil":          {nil, nil},
		"no cgroups":   {new(configs.Config), nil},
		"no resources": {&configs.Config{Cgroups: new(configs.Cgroup)}, nil},
		"joined":       {&configs.Config{Cgroups: &configs.Cgroup{Resources: r, Paths: map[string]string{"a": "/"}}}, nil},
		"limits":       {&configs.Config{Cgroups: &configs.Cgroup{Resources: r}}, r},
	} {
		if got := b.Limits(test.container); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
	b.Cgroups.Paths = map[string]string{"a": "/"}
	if got := b.Limits(&configs.Config{Cgroups: &configs.Cgroup{Resources: r}}); got != nil {
		t.Errorf("of a manager that has joined: got %v", got)
	}
}

func TestLeaveOut(t *testing.T) {
	for name, tt := range map[string]struct {
		optional bool
		joined   bool
		inUse    bool
		needed   string
		leaves   bool
	}{
		"optional":              {optional: true, leaves: true},
		"another one is needed": {optional: true, needed: "pids", leaves: true},
		"not optional":          {},
		"joined":                {optional: true, joined: true},
		"in use":                {optional: true, inUse: true},
		"needed by a limit":     {optional: true, needed: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			b, v := fakeBase(t, tt.optional)
			v.needed = tt.needed
			dir := filepath.Join(v.dir, "a")
			if tt.inUse { // a directory that cannot be removed
				if err := os.Mkdir(dir+"/sub", 0o755); err != nil {
					t.Fatal(err)
				}
			}
			paths := map[string]string{"memory": dir, "x": dir, "pids": "/other"}
			b.SetPaths(maps.Clone(paths))
			b.State.made = []string{"/above", dir}
			if tt.joined {
				b.Cgroups.Paths = paths
			}
			err := b.LeaveOut(dir, unix.EACCES)
			if !tt.leaves {
				if !errors.Is(err, unix.EACCES) || !maps.Equal(b.GetPaths(), paths) || !cgroups.PathExists(dir) {
					t.Errorf("error %v, paths %v; want nothing done", err, b.GetPaths())
				}
				return
			}
			if err != nil || !maps.Equal(b.GetPaths(), map[string]string{"pids": "/other"}) || cgroups.PathExists(dir) {
				t.Errorf("error %v, paths %v; want it left out", err, b.GetPaths())
			}
			if parents := b.MadeParents(); !slices.Equal(parents, []string{"/above"}) {
				t.Errorf("made parents %v", parents)
			}
			if err := b.Missing("memory"); !errors.Is(err, unix.EACCES) || !cgroups.IsNotFound(err) {
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
			b, _ := fakeBase(t, tt.optional)
			for key, err := range tt.refused {
				b.Refuse([]string{key}, err)
			}
			err := b.Missing(tt.key)
			if !strings.HasSuffix(err.Error(), tt.want) || cgroups.IsNotFound(err) != tt.notFound {
				t.Errorf("got %q, IsNotFound %v; want %q, %v", err, cgroups.IsNotFound(err), tt.want, tt.notFound)
			}
		})
	}
}
