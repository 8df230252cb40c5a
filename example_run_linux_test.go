package libcontainer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Run a program in a container, and remove the container.
func Example() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default() // complete and safe; edit what you need
	config.Rootfs = "/srv/rootfs"
	config.Hostname = "hello"
	container, err := runtime.Create(ctx, "hello", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	result, err := container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "echo $(hostname), pid $$"},
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println("exit code", result.ExitCode)
	// Prints:
	// hello, pid 1
	// exit code 0
}

// A program that fails is no error of Run: the Result says how it ended and what it used.
func ExampleInstance_Run() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "result", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	result, err := container.Run(context.Background(), &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", "sh -c 'kill -TERM $$'; exit $?"},
	})
	if err != nil {
		log.Panic(err) // it did not start
	}
	fmt.Println("exit code", result.ExitCode) // 128 + 15, SIGTERM
	fmt.Println("killed by us:", result.Killed, "for want of memory:", result.OOMKilled)
	fmt.Println(result.Wall > 0, result.CPU > 0, result.PeakMemory > 0)
	// Prints:
	// exit code 143
	// killed by us: <nil> for want of memory: false
	// true true true
}

// Start and Wait are Run in two steps. Wait gives an *exec.ExitError if the program fails,
// as os/exec does.
func ExampleExitCode() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "steps", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "exit 7"}}
	if err := container.Start(process); err != nil {
		log.Panic(err)
	}
	state, err := process.Wait()
	fmt.Println(err)
	fmt.Println(libcontainer.ExitCode(state.Sys().(syscall.WaitStatus)))
	// Prints:
	// exit status 7
	// 7
}

// A container that runs already gets a further process, as docker exec does it.
func ExampleInstance_Start() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "server", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	server := &libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}
	if err := container.Start(server); err != nil {
		log.Panic(err)
	}
	_, err = container.Run(ctx, &libcontainer.Process{ // beside the first one
		Args:   []string{"/bin/sh", "-c", "tr '\\0' ' ' </proc/1/cmdline"},
		Stdout: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// /bin/sleep 1000 <nil>
}

// Any reader and any writer can be a standard stream. A file is passed as it is.
func Example_streams() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "streams", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	var stdout, stderr bytes.Buffer
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "tr a-z A-Z; echo done >&2"},
		Stdin:  strings.NewReader("some text"),
		Stdout: &stdout,
		Stderr: &stderr,
	})
	fmt.Printf("%q %q %v\n", stdout.String(), stderr.String(), err)
	// Prints:
	// "SOME TEXT" "done\n" <nil>
}

// Who a program is, where, and with what: names are looked up in the container's own
// /etc/passwd and /etc/group.
func ExampleProcess() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "process", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:         []string{"sh", "-c", "id -un; pwd; echo $COLOUR; ulimit -n"},
		Env:          []string{"PATH=/bin:/usr/bin", "COLOUR=green"},
		User:         "daemon",
		Cwd:          "/tmp",
		Capabilities: []string{}, // none; nil is those of the configuration
		Rlimits:      []configs.Rlimit{{Type: syscall.RLIMIT_NOFILE, Soft: 100, Hard: 100}},
		Stdout:       os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// daemon
	// /tmp
	// green
	// 100
	// <nil>
}

// When the context ends Run kills the program and all that it has started.
func Example_deadline() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "deadline", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	result, err := container.Run(ctx, &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", "sleep 1000 & sleep 1000"},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(result.TimedOut(), result.Killed, result.Signal)
	// Prints:
	// true context deadline exceeded killed
}

// Limits of a single program: time, CPU time and bytes of output. Killed says which was used up.
func ExampleLimits() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "limits", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	var output bytes.Buffer
	result, err := container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/usr/bin/yes"},
		Stdout: &output,
		Limits: &libcontainer.Limits{Wall: time.Minute, CPU: 10 * time.Second, Output: 1000},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(errors.Is(result.Killed, libcontainer.ErrOutputLimit), output.Len())
	// Prints:
	// true 1000
}

// The program has a terminal of the container's own, and this program gets its other side
// before that runs.
func ExampleProcess_NewTerminal() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "terminal", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "tty; stty size"}}
	process.ConsoleSize = &configs.ConsoleSize{Height: 24, Width: 80}
	shown := make(chan []byte)
	err = process.NewTerminal(func(console libcontainer.Console) error {
		go func() {
			defer console.Close()
			text, _ := io.ReadAll(console) // the end is the error EIO
			shown <- text
		}()
		return nil
	})
	if err != nil {
		log.Panic(err)
	}
	_, err = container.Run(ctx, process)
	fmt.Printf("%q %v\n", <-shown, err)
	// Prints:
	// "/dev/pts/0\r\n24 80\r\n" <nil>
}
