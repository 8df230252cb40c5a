package group_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os/exec"
	"time"

	"github.com/libcontainer/libcontainer/cgroups/group"
	"github.com/libcontainer/libcontainer/cgroups/systemd"
	"github.com/libcontainer/libcontainer/configs"
)

// An agent limits its workers together, and ends all that they have started. It takes the
// privileges that the package's documentation has.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g, err := group.New(&configs.Cgroup{Path: "/agent/workers"})
	if err != nil {
		log.Fatal(err)
	}
	if err := g.Create(ctx); err != nil {
		log.Fatal(err)
	}
	defer g.Destroy(ctx)
	limits := group.NewResources()
	limits.Memory, limits.PidsLimit = 1<<30, 100
	if err := g.Set(ctx, limits); err != nil {
		log.Fatal(err)
	}
	worker := exec.Command("/usr/bin/worker")
	if err := worker.Start(); err != nil {
		log.Fatal(err)
	}
	if err := g.Add(ctx, worker.Process.Pid); err != nil {
		log.Fatal(err)
	}
	stats, err := g.Stats()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.MemoryStats.Usage.Usage)
	if err := g.Kill(ctx); err != nil {
		log.Fatal(err)
	}
	_ = worker.Wait() // whoever has started a process reaps it
}

// A daemon that was started again finds the group that it has made, or makes it.
func ExampleOpen() {
	ctx := context.Background()
	// It is a slice of systemd, for its name is one.
	name := &configs.Cgroup{Name: "agent-jobs.slice"}
	g, err := group.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		if g, err = group.New(name); err == nil {
			err = g.Create(ctx)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	pressure, err := g.Pressure()
	if errors.Is(err, errors.ErrUnsupported) {
		return // cgroup v1, or a kernel without
	}
	if err != nil {
		log.Fatal(err)
	}
	if pressure.Memory != nil && pressure.Memory.Some.Avg10 > 20 {
		fmt.Println("the jobs wait for memory a fifth of their time")
	}
}

// A program may be asked to show files whose names come from elsewhere.
func ExampleGroup_ReadFile() {
	g, err := group.New(&configs.Cgroup{Path: "/agent/workers"})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"../../../etc/shadow", "memory.stat"} {
		text, err := g.ReadFile(name)
		if err != nil {
			log.Print(err)
			continue
		}
		fmt.Printf("%s", text)
	}
}

// The names of systemd's units decide who manages a group.
func ExampleManagerFor() {
	for _, cgroup := range []*configs.Cgroup{
		{Path: "/agent/workers"},
		{Parent: "agent.slice", Name: "workers"},
		{Name: "agent-jobs.slice"},
	} {
		fmt.Println(group.ManagerFor(cgroup))
	}
	// Output:
	// cgroupfs
	// systemd
	// systemd
}

// Resources to begin with leave everything alone.
func ExampleNewResources() {
	limits := group.NewResources()
	limits.CpuQuota, limits.CpuPeriod = 50000, 100000
	fmt.Println(limits.SkipDevices, limits.MemorySwappiness)
	// Output: true -1
}

// The directory of a slice, for a program that names directories.
func Example_slice() {
	path, err := systemd.ExpandSlice("agent-jobs-nightly.slice")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(path)
	// Output: agent.slice/agent-jobs.slice/agent-jobs-nightly.slice
}
