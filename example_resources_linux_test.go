package libcontainer_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Limits of a whole container, by its cgroups. A shell whose child is killed for want of memory
// goes on; the Result knows.
func Example_limits() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Cgroups.Memory = 16 << 20     // bytes
	config.Cgroups.MemorySwap = 16 << 20 // memory and swap together: no swap
	config.Cgroups.PidsLimit = 20        // processes and threads
	config.Cgroups.CpuQuota = 50_000     // microseconds of each CpuPeriod: half a CPU
	config.Cgroups.CpuPeriod = 100_000
	container, err := runtime.Create(ctx, "limited", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	result, err := container.Run(ctx, &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", "tail /dev/zero; exit 5"},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(result.ExitCode, result.OOMKilled, result.PeakMemory > 8<<20)
	// Prints:
	// 5 true true
}

// A channel tells of each process that the kernel kills for want of memory.
func ExampleInstance_NotifyOOM() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Cgroups.Memory, config.Cgroups.MemorySwap = 16<<20, 16<<20
	container, err := runtime.Create(context.Background(), "oom", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "tail /dev/zero; sleep 1000"}}
	if err := container.Prepare(context.Background(), process); err != nil {
		log.Panic(err)
	}
	killed, err := container.NotifyOOM() // before the program runs, so that none is missed
	if err != nil {
		log.Panic(err)
	}
	if err := container.Release(context.Background()); err != nil {
		log.Panic(err)
	}
	<-killed
	fmt.Println(container.OOMKills())
	// Prints:
	// 1 <nil>
}

// What a container uses at the moment.
func ExampleInstance_Stats() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "measured", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}); err != nil {
		log.Panic(err)
	}
	stats, err := container.Stats()
	if err != nil {
		log.Panic(err)
	}
	cgroup := stats.CgroupStats
	fmt.Println(cgroup.PidsStats.Current, "process")
	fmt.Println(cgroup.CpuStats.CpuUsage.TotalUsage > 0, cgroup.MemoryStats.Usage.Usage > 0)
	// Prints:
	// 1 process
	// true true
}

// Limits change while the container runs. Config gives a copy: what is behind its pointers is
// copied before it is changed.
func ExampleInstance_Set() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Cgroups.PidsLimit = 100
	container, err := runtime.Create(ctx, "changed", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}); err != nil {
		log.Panic(err)
	}
	changed, cgroup, resources := container.Config(), *container.Config().Cgroups, *container.Config().Cgroups.Resources
	changed.Cgroups, cgroup.Resources = &cgroup, &resources
	resources.PidsLimit = 5
	if err := container.Set(changed); err != nil {
		log.Panic(err)
	}
	stats, err := container.Stats()
	fmt.Println(stats.CgroupStats.PidsStats.Limit, err)
	// Prints:
	// 5 <nil>
}

// A device is a node in the container's /dev, and a rule that lets it be used.
func Example_devices() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	zeros := &configs.Device{Path: "/dev/zeros", Type: 'c', Major: 1, Minor: 5, Permissions: "r", FileMode: 0o444}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Devices = append(config.Devices, zeros)
	config.Cgroups.AllowedDevices = append(config.Cgroups.AllowedDevices, zeros)
	container, err := runtime.Create(ctx, "devices", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "head -c 3 /dev/zeros | wc -c"},
		Stdout: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// 3
	// <nil>
}
