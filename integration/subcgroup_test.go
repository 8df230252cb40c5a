package integration

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// makeSubCgroups makes a cgroup below each of a container's.
func makeSubCgroups(t *testing.T, state *libcontainer.State, name string) {
	t.Helper()
	for _, dir := range state.CgroupPaths {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A cpuset of cgroup v1 takes no process before it has CPUs and memory.
	dir, v1 := state.CgroupPaths["cpuset"]
	if !v1 {
		return
	}
	for base := range strings.SplitSeq(name, "/") {
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := os.WriteFile(filepath.Join(dir, base, file), mustRead(t, filepath.Join(dir, file)), 0); err != nil {
				t.Fatal(err)
			}
		}
		dir = filepath.Join(dir, base)
	}
}

// cgroupsOf gives the cgroup of a process in each hierarchy, by /proc/[pid]/cgroup.
func cgroupsOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	list := make(map[string]string)
	for _, line := range lines(t, "/proc/"+itoa(pid)+"/cgroup") {
		parts := strings.SplitN(line, ":", 3)
		list[parts[1]] = parts[2]
	}
	return list
}

func TestSubCgroup(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			container := newContainer(t, config)
			init, _ := startBlocked(t, container)
			state := stateOf(t, container)
			makeSubCgroups(t, state, "workers/one")
			pid, err := init.Pid()
			if err != nil {
				t.Fatal(err)
			}
			own := cgroupsOf(t, pid)
			run := func(edit func(*libcontainer.Process)) map[string]string {
				t.Helper()
				p, out := command("cat")
				r, w := pipe(t)
				p.Stdin, p.User = r, "1000:1000"
				edit(p)
				if err := container.Start(p); err != nil {
					t.Fatalf("start: %v %s", err, &out.stderr)
				}
				pid, err := p.Pid()
				if err != nil {
					t.Fatal(err)
				}
				got := cgroupsOf(t, pid)
				w.Close()
				if _, err := p.Wait(); err != nil {
					t.Error(err)
				}
				return got
			}
			want := maps.Clone(own)
			for key, path := range own {
				if _, ok := statePath(state, key); ok {
					want[key] = filepath.Join(path, "workers/one")
				}
			}
			if got := run(func(p *libcontainer.Process) { p.SubCgroup = "workers/one" }); !maps.Equal(got, want) {
				t.Errorf("the process is in %v, want %v", got, want)
			}
			// One hierarchy alone.
			controller := "pids"
			if _, v1 := state.CgroupPaths[controller]; !v1 {
				controller = ""
			}
			want = maps.Clone(own)
			want[controller] = filepath.Join(own[controller], "workers/one")
			got := run(func(p *libcontainer.Process) { p.SubCgroups = map[string]string{controller: "workers/one"} })
			if !maps.Equal(got, want) {
				t.Errorf("the process is in %v, want %v", got, want)
			}
		})
	}
}

// statePath gives the path of a hierarchy that /proc/[pid]/cgroup names by its controllers.
func statePath(state *libcontainer.State, key string) (string, bool) {
	for _, name := range strings.Split(key, ",") {
		if path, ok := state.CgroupPaths[name]; ok {
			return path, true
		}
	}
	return "", false
}

func TestSubCgroupFails(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := command("true")
	p.SubCgroup = "workers"
	checkError(t, container.Start(p), libcontainer.ConfigInvalid, "first process", "sub-cgroup")
	startBlocked(t, container)
	for name, tt := range map[string]struct {
		edit  func(*libcontainer.Process)
		texts []string
	}{
		"missing":    {func(p *libcontainer.Process) { p.SubCgroup = "none" }, []string{`sub-cgroup "none"`, "no such file or directory"}},
		"above":      {func(p *libcontainer.Process) { p.SubCgroup = "a/../.." }, []string{`SubCgroup "a/../.."`}},
		"absolute":   {func(p *libcontainer.Process) { p.SubCgroup = "/a" }, []string{`SubCgroup "/a"`}},
		"itself":     {func(p *libcontainer.Process) { p.SubCgroup = "." }, []string{`SubCgroup "."`}},
		"controller": {func(p *libcontainer.Process) { p.SubCgroups = map[string]string{"nothing": "a"} }, []string{`SubCgroups["nothing"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := command("true")
			tt.edit(p)
			checkError(t, container.Start(p), libcontainer.ConfigInvalid, tt.texts...)
		})
	}
}
