package integration

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// withResources returns the container's configuration with other resources.
func withResources(c libcontainer.Container, edit func(*configs.Resources)) configs.Config {
	next := c.Config()
	cg, resources := *next.Cgroups, *next.Cgroups.Resources
	edit(&resources)
	cg.Resources, next.Cgroups = &resources, &cg
	return next
}

// A value that the kernel refuses is named with its file, and nothing else changes.
func TestSetIsAllOrNothing(t *testing.T) {
	config := newConfig(t)
	r := config.Cgroups.Resources
	r.CpuQuota, r.CpuPeriod, r.PidsLimit = 50000, 100000, 40
	container := newContainer(t, config)
	startBlocked(t, container)
	k := newKernelFiles(t, container)
	files := []string{"cpu.cfs_quota_us", "pids.max", "cpu.max", "memory.max", "memory.limit_in_bytes"}
	before := make(map[string]string)
	for _, file := range files {
		before[file], _ = k.text(file)
	}
	bad := "cpuset.cpus"
	next := withResources(container, func(r *configs.Resources) {
		r.CpuQuota, r.PidsLimit, r.Memory, r.CpusetCpus = 60000, 41, 1<<30, "4095"
	})
	err := container.Set(next)
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ERANGE) && !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "4095") {
		t.Errorf("error %v, want one that names %s and 4095", err, bad)
	}
	for _, file := range files {
		if after, _ := k.text(file); after != before[file] {
			t.Errorf("%s was %q and is %q", file, before[file], after)
		}
	}
	if got := container.Config().Cgroups.PidsLimit; got != 40 {
		t.Errorf("the configuration has the limit %d, want 40 as before", got)
	}
}

// A start whose limit the kernel refuses leaves nothing, and says which.
func TestStartWithRefusedLimit(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.CpusetCpus = "4095"
	p, _ := command("true")
	startFails(t, config, p, libcontainer.SystemError, "CpusetCpus", "cpuset.cpus", "4095")
}

// On cgroup v1 the kernel refuses a limit of memory below what cannot be reclaimed;
// on v2 the library does, if it is asked to.
func TestMemoryLimitBelowUsage(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory = 64 << 20
	container := newContainer(t, config)
	ready, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	p, _ := shell(`x=$(head -c 20971520 /dev/zero | tr '\0' x); echo ${#x}; read y <&3`)
	hold, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	p.Stdout, p.ExtraFiles = written, []*os.File{hold}
	err = container.Start(p)
	written.Close()
	hold.Close()
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(ready).ReadString('\n'); line != "20971520\n" {
		t.Fatalf("the program has %q bytes, error %v", line, err)
	}
	err = container.Set(withResources(container, func(r *configs.Resources) {
		r.Memory, r.MemoryCheckBeforeUpdate = 4<<20, true
	}))
	if err == nil || !strings.Contains(err.Error(), "memory.") {
		t.Errorf("a limit below usage: error %v", err)
	}
	if got := container.Config().Cgroups.Memory; got != 64<<20 {
		t.Errorf("the configuration has the limit %d", got)
	}
}

// A cgroup that somebody removes: errors name it, and the container can be destroyed.
func TestCgroupVanishes(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := startBlocked(t, container)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	dir := cgroupDir(state, "pids")
	aside := filepath.Join(filepath.Dir(filepath.Dir(dir)), filepath.Base(cgroupParent)+"-aside")
	if err := os.Mkdir(aside, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // nobody finds it by its cgroup
		_, _ = p.Wait()
		if err := os.Remove(aside); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(aside, "cgroup.procs"), []byte(itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil && !os.IsNotExist(err) { // systemd may be faster
		t.Fatal(err)
	}
	if _, err := container.Stats(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("statistics: error %v, want one that names %s", err, dir)
	}
	err = container.Set(withResources(container, func(r *configs.Resources) { r.PidsLimit = 77 }))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("set: error %v, want one that names %s", err, dir)
	}
	q, _ := command("true")
	if err := container.Start(q); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("exec: error %v, want one that names %s", err, dir)
	}
	if err := container.Destroy(); err != nil {
		t.Errorf("destroy: %v", err)
	}
}
