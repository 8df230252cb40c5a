package libcontainer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A prepared container has all but its program: look at it, give it a network, then release it.
func ExampleInstance_Prepare() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "prepared", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/echo", "released"}, Stdout: os.Stdout}
	if err := container.Prepare(ctx, process); err != nil {
		log.Panic(err)
	}
	status, err := container.Status()
	fmt.Println(status, err)
	if err := container.Release(ctx); err != nil {
		log.Panic(err)
	}
	_, err = process.Wait()
	fmt.Println(err)
	// Prints:
	// created <nil>
	// released
	// <nil>
}

// A paused container uses no CPU time. Everything in it stays as it is.
func ExampleInstance_Pause() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "paused", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}); err != nil {
		log.Panic(err)
	}
	for _, do := range []func() error{container.Pause, container.Resume} {
		if err := do(); err != nil {
			log.Panic(err)
		}
		fmt.Println(container.Status())
	}
	// Prints:
	// paused <nil>
	// running <nil>
}

// Signal goes to the first process, SignalAll to each one.
func ExampleInstance_SignalAll() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "signals", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	first := &libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}
	second := &libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}
	for _, process := range []*libcontainer.Process{first, second} {
		if err := container.Start(process); err != nil {
			log.Panic(err)
		}
	}
	if err := container.SignalAll(syscall.SIGKILL); err != nil {
		log.Panic(err)
	}
	_, err1 := first.Wait()
	_, err2 := second.Wait()
	fmt.Println(err1, err2)
	// Prints:
	// signal: killed signal: killed
}

// Containers outlive the program that has started them. A later one finds them by their state,
// waits for them although they are not its children, and removes them.
func ExampleRuntime_List() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	if _, err := runtime.Create(ctx, "left-behind", config); err != nil {
		log.Panic(err)
	}
	again, err := libcontainer.Open("/run/example") // in another program, say
	if err != nil {
		log.Panic(err)
	}
	containers, err := again.List(ctx)
	if err != nil {
		log.Panic(err)
	}
	for _, container := range containers {
		status, err := container.Status()
		fmt.Println(container.ID(), status, err)
		fmt.Println(container.Destroy())
	}
	// Prints:
	// left-behind created <nil>
	// <nil>
}

// Wait tells how the first process has ended, whoever has started it, and Destroy may come from
// any program that has loaded the container.
func ExampleInstance_Wait() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "waited-for", config)
	if err != nil {
		log.Panic(err)
	}
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/false"}}); err != nil {
		log.Panic(err)
	}
	loaded, err := runtime.Load(ctx, "waited-for")
	if err != nil {
		log.Panic(err)
	}
	defer loaded.Destroy()
	status, err := loaded.Wait(ctx)
	fmt.Println(libcontainer.ExitCode(status), err)
	// Prints:
	// 1 <nil>
}

// A record is what a program wants to find again with a container: its owner, a port, a version.
func ExampleRuntime_CreateWithRecord() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	_, err = runtime.CreateWithRecord(ctx, "recorded", config, []byte("owner: alice"))
	if err != nil {
		log.Panic(err)
	}
	container, err := runtime.Load(ctx, "recorded")
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	record, err := container.Record()
	fmt.Printf("%s %v\n", record, err)
	// Prints:
	// owner: alice <nil>
}

// Hooks are functions of this program, or commands, at six points of a container's life.
func Example_hooks() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	tell := configs.NewFunctionHook(func(state configs.HookState) error {
		fmt.Println(state.ID, "is", state.Status)
		return nil
	})
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Hooks = &configs.Hooks{CreateRuntime: []configs.Hook{tell}, Poststop: []configs.Hook{tell}}
	container, err := runtime.Create(ctx, "hooked", config)
	if err != nil {
		log.Panic(err)
	}
	process := &libcontainer.Process{Args: []string{"/bin/echo", "hello"}, Stdout: os.Stdout}
	if _, err := container.Run(ctx, process); err != nil {
		log.Panic(err)
	}
	fmt.Println(container.Destroy())
	// Prints:
	// hooked is creating
	// hello
	// hooked is stopped
	// <nil>
}

// A warning is an error that ends nothing, such as that of a hook after the container's end.
func ExampleOnWarning() {
	runtime, err := libcontainer.Open("/run/example", libcontainer.OnWarning(func(err error) {
		fmt.Println("warning:", errors.Is(err, os.ErrPermission))
	}))
	if err != nil {
		log.Panic(err)
	}
	fails := configs.NewFunctionHook(func(configs.HookState) error { return os.ErrPermission })
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Hooks = &configs.Hooks{Poststop: []configs.Hook{fails}}
	container, err := runtime.Create(context.Background(), "warned", config)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(container.Destroy())
	// Prints:
	// warning: true
	// <nil>
}

// What kind of error it is, a code says; what the system said, errors.Is finds, too.
func ExampleErrorCode() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "errors", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = runtime.Create(ctx, "errors", config)
	fmt.Println(errors.Is(err, libcontainer.IdInUse))
	_, err = runtime.Load(ctx, "nobody")
	fmt.Println(errors.Is(err, libcontainer.ContainerNotExists))
	err = container.Start(&libcontainer.Process{Args: []string{"/bin/nothing"}})
	fmt.Println(errors.Is(err, libcontainer.ConfigInvalid), errors.Is(err, exec.ErrNotFound))
	// Prints:
	// true
	// true
	// true true
}

// The classic API of 2016: New, Create, Start, Wait.
func ExampleNew() {
	factory, err := libcontainer.New("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := factory.Create("classic", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/echo", "hello"}, Stdout: os.Stdout}
	if err := container.Start(process); err != nil {
		log.Panic(err)
	}
	state, err := process.Wait()
	fmt.Println(state, err)
	// Prints:
	// hello
	// exit status 0 <nil>
}

// A Container of the classic API is an Instance, which has all methods.
func ExampleFrom() {
	factory, err := libcontainer.New("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := factory.Create("from", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	if instance, ok := libcontainer.From(container); ok {
		process := &libcontainer.Process{Args: []string{"/bin/echo", "hello"}, Stdout: os.Stdout}
		_, err = instance.Run(context.Background(), process)
	}
	fmt.Println(err)
	// Prints:
	// hello
	// <nil>
}

// Ask a program to end, and kill it if it does not.
func ExampleInstance_Stop() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "stop", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}); err != nil {
		log.Panic(err)
	}
	// The first process of a PID namespace ignores signals that it does not handle.
	status, err := container.Stop(context.Background(), syscall.SIGTERM, 100*time.Millisecond)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println("exit code", libcontainer.ExitCode(status))
	// Prints:
	// exit code 137
}

// A logbook writes down what happens to containers.
type logbook struct{}

func (logbook) Observe(event libcontainer.Event) {
	switch e := event.(type) {
	case libcontainer.StartEvent:
		fmt.Println(e.Container, "started:", e.Args, "with", len(e.Steps), "steps")
	case libcontainer.ExitEvent:
		fmt.Println(e.Container, "ended:", libcontainer.ExitCode(e.Status))
	case libcontainer.DestroyEvent:
		fmt.Println(e.Container, "destroyed")
	}
}

// Be told of what happens, for logs and metrics.
func ExampleWithObserver() {
	runtime, err := libcontainer.Open("/run/example", libcontainer.WithObserver(logbook{}))
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "observed", config)
	if err != nil {
		log.Panic(err)
	}
	if _, err := container.Run(context.Background(), &libcontainer.Process{Args: []string{"/bin/false"}}); err != nil {
		log.Panic(err)
	}
	if err := container.Destroy(); err != nil {
		log.Panic(err)
	}
	// Prints:
	// observed started: [/bin/false] with 7 steps
	// observed ended: 1
	// observed destroyed
}
