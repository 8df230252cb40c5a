package libcontainer_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A directory of the host, read-only, and one in memory. SetOptions takes the words of mount(8).
func Example_volumes() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	volume := &configs.Mount{Source: "/srv/data", Destination: "/data", Device: "bind"}
	volume.SetOptions([]string{"bind", "ro", "nosuid", "nodev"})
	scratch := &configs.Mount{Source: "tmpfs", Destination: "/scratch", Device: "tmpfs"}
	scratch.SetOptions([]string{"size=10m", "mode=1777", "noexec"})
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Mounts = append(config.Mounts, volume, scratch)
	container, err := runtime.Create(ctx, "volumes", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "cp /data/file /scratch && cat /scratch/file; rm -f /data/file || ls /data"},
		Stdout: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// content
	// file
	// <nil>
}

// The image stays as it is: what the container changes is in memory, and goes with it.
func Example_overlay() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Overlay = &configs.Overlay{Lower: []string{"/srv/rootfs"}, Memory: 16 << 20}
	for _, id := range []string{"first", "second"} {
		container, err := runtime.Create(ctx, id, config)
		if err != nil {
			log.Panic(err)
		}
		defer container.Destroy()
		_, err = container.Run(ctx, &libcontainer.Process{
			Args:   []string{"/bin/sh", "-c", "test -e /new && echo old || echo new; touch /new"},
			Stdout: os.Stdout,
		})
		if err != nil {
			log.Panic(err)
		}
	}
	// Prints:
	// new
	// new
}

// Root in the container is nobody on the host. The ids come from a pool, so that no other
// container has them, and the image on disk belongs to root all the same.
func Example_userNamespace() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 1 << 20, Size: 65536, Count: 1000}
	config.RootIDMapping = configs.IDMapMount
	container, err := runtime.Create(ctx, "mapped", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "id -u; stat -c %u /bin"},
		Stdout: os.Stdout,
	})
	user, _ := container.Config().HostUID()
	fmt.Println(user >= 1<<20, err)
	// Prints:
	// 0
	// 0
	// true <nil>
}

// A filter of system calls of one's own. Without it the default profile is in force.
func Example_seccomp() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Seccomp = &configs.Seccomp{
		DefaultAction: configs.Allow,
		Syscalls: []*configs.Syscall{
			{Name: "mkdir", Action: configs.Errno}, // EPERM
			{Name: "mkdirat", Action: configs.Errno},
		},
	}
	container, err := runtime.Create(ctx, "filtered", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/mkdir", "/tmp/directory"},
		Stderr: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// mkdir: can't create directory '/tmp/directory': Operation not permitted
	// <nil>
}

// Landlock denies what no rule allows, to root, too.
func Example_landlock() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Landlock = &configs.Landlock{Paths: []configs.LandlockPath{
		{Path: "/bin", Access: configs.LandlockReadOnly},
		{Path: "/tmp", Access: configs.LandlockReadWrite},
	}, BestEffort: true} // an older kernel denies less, and a warning says what
	container, err := runtime.Create(ctx, "landlocked", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "echo text >/tmp/file && cat /tmp/file; cat /etc/passwd"},
		Stdout: os.Stdout,
		Stderr: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// text
	// cat: can't open '/etc/passwd': Permission denied
	// <nil>
}

// A network namespace of its own, with an interface whose other end is on the host, where it may
// join a bridge. Without Networks there is no network at all.
func Example_network() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Networks = []*configs.Network{
		{Type: "loopback"},
		{Type: "veth", Name: "eth0", Address: "10.7.0.2/24", Gateway: "10.7.0.1"}, // Bridge: "br0"
	}
	container, err := runtime.Create(ctx, "networked", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "ip -4 -o address show dev eth0 | awk '{ print $4 }'; ip route | wc -l"},
		Stdout: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// 10.7.0.2/24
	// 2
	// <nil>
}

// Two containers with one network, one host name and one IPC namespace, as in a pod. The second
// joins what the first has made.
func Example_sharedNamespaces() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	pod := configs.Default()
	pod.Rootfs, pod.Hostname = "/srv/rootfs", "pod"
	first, err := runtime.Create(ctx, "first", pod)
	if err != nil {
		log.Panic(err)
	}
	defer first.Destroy()
	if err := first.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000"}}); err != nil {
		log.Panic(err)
	}
	state, _ := first.State()
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	for _, kind := range []configs.NamespaceType{configs.NEWNET, configs.NEWUTS, configs.NEWIPC} {
		config.Namespaces.Add(kind, state.NamespacePaths[kind])
	}
	second, err := runtime.Create(ctx, "second", config)
	if err != nil {
		log.Panic(err)
	}
	defer second.Destroy()
	_, err = second.Run(ctx, &libcontainer.Process{Args: []string{"/bin/hostname"}, Stdout: os.Stdout})
	fmt.Println(err)
	// Prints:
	// pod
	// <nil>
}

// A strict root: read-only, no capability, an own kernel parameter, nothing hidden is readable.
func Example_readOnly() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	config.Readonlyfs = true
	config.Capabilities = nil
	config.Sysctl = map[string]string{"kernel.shm_rmid_forced": "1"}
	config.MaskPaths = append(config.MaskPaths, "/etc/passwd")
	container, err := runtime.Create(ctx, "read-only", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	_, err = container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "touch /x; cat /etc/passwd /proc/sys/kernel/shm_rmid_forced"},
		Stdout: os.Stdout,
		Stderr: os.Stdout,
	})
	fmt.Println(err)
	// Prints:
	// touch: /x: Read-only file system
	// 1
	// <nil>
}

// Save the processes of a container, and let them go on. It needs CRIU.
func ExampleInstance_Checkpoint() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Default()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(ctx, "saved", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	process := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done"}}
	if err := container.Start(process); err != nil {
		log.Panic(err)
	}
	images := &libcontainer.CriuOpts{ImagesDirectory: "/srv/images"}
	if err := container.CheckpointContext(ctx, images); err != nil {
		log.Panic(err)
	}
	restored := &libcontainer.Process{} // its standard descriptors; /dev/null
	if err := container.RestoreContext(ctx, restored, images); err != nil {
		log.Panic(err)
	}
	fmt.Println(container.Status())
	fmt.Println(restored.Signal(syscall.SIGTERM))
	_, err = restored.Wait()
	fmt.Println(err)
	// Prints:
	// running <nil>
	// <nil>
	// exit status 9
}

// Run what nobody trusts.
func Example_sandbox() {
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		log.Panic(err)
	}
	config := configs.Sandbox()
	config.Rootfs = "/srv/rootfs"
	container, err := runtime.Create(context.Background(), "sandbox", config)
	if err != nil {
		log.Panic(err)
	}
	defer container.Destroy()
	var out bytes.Buffer
	result, err := container.Run(context.Background(), &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "echo $((6 * 7)); echo no >/etc/passwd"},
		Stdout: &out,
		Limits: &libcontainer.Limits{Wall: 10 * time.Second},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Print(out.String(), "exit code ", result.ExitCode, "\n")
	// Prints:
	// 42
	// exit code 1
}
