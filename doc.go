// Package libcontainer runs Linux containers from inside a Go program. There is no daemon, no
// shim and no other binary: a container is a child process, as one of os/exec is, with
// namespaces, a root file system, limits and a filter of system calls of its own.
//
//	runtime, err := libcontainer.Open("/run/example")
//	config := configs.Default() // complete and safe; edit what you need
//	config.Rootfs = "/srv/rootfs"
//	container, err := runtime.Create(ctx, "web", config)
//	defer container.Destroy()
//	result, err := container.Run(ctx, &libcontainer.Process{
//		Args:   []string{"/bin/echo", "hello"},
//		Stdout: os.Stdout,
//	})
//	fmt.Println(result.ExitCode, result.CPU, result.PeakMemory, result.OOMKilled)
//
// # What it does that others do not
//
//	                          this package      os/exec with      a runtime's command   a daemon's API
//	                                            Cloneflags        (runc, crun)          (docker, containerd)
//	called from Go by         functions         functions         a command line        a client
//	other programs needed     none              none              the command, a shim   the daemon, its runtime
//	mounts, devices, masks    by configuration  by yourself       by configuration      by configuration
//	limits, statistics        by configuration  cgroup alone      by configuration      by configuration
//	default seccomp profile   yes               no                the caller's matter   yes
//	what sets it up inside    a page of code,   your program,     the command,          the runtime's command,
//	                          new each time     executed again    executed again        executed again
//	whose child it is         yours             yours             the shim's            the shim's
//	found after a crash       Load, List        no                by its id             by its id
//	an error is               a code, a step,   an error number   a text                a text
//	                          an error number
//	limits of one run: time,  yes               by yourself       no                    no
//	CPU time, output
//	checkpoint and restore    yes               no                yes                   yes
//
// docs/README.md is the way to the documents: security, compatibility, recipes, and how to move
// from os/exec, from runc's packages and from the library of 2016.
//
// # Run a program
//
// [Open] gives a [Runtime], whose Create makes an [Instance] of a configuration. [Instance.Run] starts
// a program, waits until it has ended and its output is copied, and returns a [Result]: how it
// ended, and what it used. A program that fails is no error. [Limits] and the context end it.
//
// # Start, wait, and start more
//
// [Instance.Start] returns when the program runs, and [Process.Wait] reaps it, as with os/exec.
// A second Start in a running container starts a further process beside the first one.
// [Instance.Prepare] and [Instance.Release] are Start in two phases. [Instance.Wait] waits for a
// container that another program has started.
//
// # Streams and terminals
//
// Any reader and writer can be Stdin, Stdout and Stderr of a [Process]; a file is passed as it is.
// [Process.NewTerminal] gives the program a terminal of the container's own, and
// [Instance.RunOnTerminal] makes os.Stdin its window.
//
// # Files
//
// The root file system is a directory (Config.Rootfs), or made of an image's layers in the
// container's own mount namespace (configs.Overlay). Config.Mounts are bind mounts, tmpfs and all
// others. With Config.RootIDMapping the ids on disk are those inside, whatever user namespace
// the container has, and with Config.IDs it gets ids that no other container has.
//
// # Limits, statistics, events
//
// Config.Cgroups.Resources are the limits, and [Instance.Set] changes them while the container
// runs. [Instance.Stats] measures. [Instance.NotifyOOM] and [Instance.NotifyMemoryPressure] tell
// when memory is scarce, and [Instance.OOMKills] afterwards. [Instance.Pause] stops all
// processes.
//
// # Isolation
//
// configs.Default is what most containers should have: six new namespaces, few capabilities, a
// filter of system calls, masked files of the kernel. A user namespace, Landlock, labels of
// AppArmor and SELinux and a filter of one's own are fields of configs.Config. What a
// machine cannot do is refused, and never left out. docs/security.md says against whom
// that protects, and which tests try to break it.
//
// # Several programs, and crashes
//
// A container's state is in a directory below the runtime's root. Any program of the same user can
// [Runtime.Load] and [Runtime.List] containers, start processes in them, wait for them and destroy
// them; a lock keeps two calls apart. When the program that started a container is killed, the container
// goes on, unless Config.ParentDeathSignal is set. What a start that was cut short has left, Destroy removes.
// [Runtime.CreateWithRecord] keeps a program's own notes with the container.
//
// # Errors
//
// Every error is an [Error] with an [ErrorCode], which errors.Is finds, as it finds the system's own
// error (syscall.ENOENT, exec.ErrNotFound, context.Canceled). docs/errors.md has common mistakes, their
// messages, and what to do.
//
// # Checkpoint and restore
//
// [Instance.Checkpoint] saves the processes of a container, and [Instance.Restore] lets them go on later,
// in another container or on another machine. They need CRIU; docs/checkpoint.md has all about them.
//
// # The classic library
//
// The API of January 2016 is there, and frozen: [New] makes a [Factory], that makes a [Container],
// which starts a [Process]. Every Container is an Instance, see [From]. A classic program
// imports package nsenter for its side effect; it may, and need not, for without [ClassicInit] or
// an InitPath nothing of the program runs in the container.
//
// # How it works
//
// A container's init is a list of system calls, which the library compiles from the
// configuration and a small interpreter executes: no part of the calling program is
// in the container at any time, and nothing depends on what it imports. docs/architecture.md has
// a picture.
//
// The library changes nothing in its host process, and reaps the processes that
// it started and no other: as with os/exec, by Process.Wait, or by Destroy. All methods
// are safe for concurrent use. Linux 5.12 or newer is required, and cgo for init programs
// of one's own alone.
package libcontainer
