package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// This machine's number in ELF files, see elf(5), and that of another one.
const otherMachine = 22 // EM_S390

var programMistakes = []mistake{
	{
		what:    "the program does not exist",
		message: `exec: "/bin/nothing": executable file not found in $PATH: no such file or directory`,
		remedy:  "The path is one inside of the container: look for it there.",
		make:    started(args("/bin/nothing"))},
	{
		what:    "the program is in no directory of PATH",
		message: `exec: "nothing": find it in PATH "/usr/bin:/bin:/usr/sbin:/sbin": executable file not found in $PATH`,
		remedy:  "Give its whole path, or set PATH in the process's `Env`.",
		make:    started(args("nothing"))},
	{
		what:    "no program is named",
		message: "Args is empty",
		remedy:  "Set `Args` of the process: the program, and its arguments.",
		make:    started(args())},
	{
		what:    "the program is a directory",
		message: `exec: "/bin": permission denied (it must be a regular file that the user may execute`,
		remedy:  "Name a file.",
		make:    started(args("/bin"))},
	{
		what:    "the program is not executable",
		message: `exec: "/program": permission denied (it must be a regular file that the user may execute`,
		remedy:  "`chmod +x` it in the image.",
		make:    started(runs("program", 0o644, "#!/bin/sh\n"))},
	{
		what:    "the script's interpreter does not exist",
		message: "exec /script: no such file or directory (the file is there, but not its interpreter",
		remedy:  "Install in the image what the first line of the script names after `#!`.",
		make:    started(runs("script", 0o755, "#!/bin/python9\n"))},
	{
		what:    "the script does not begin with #!",
		message: "exec /script: exec format error (it is neither a program for this machine's architecture nor a script that begins with #!",
		remedy:  "Begin it with `#!/bin/sh`, or give it to a shell as an argument.",
		make:    started(runs("script", 0o755, "echo hello\n"))},
	{
		what:    "the program is for another architecture",
		message: "exec /program: exec format error (it is neither a program for this machine's architecture nor",
		remedy:  "Take an image for this machine, or install an emulator (binfmt_misc).",
		make:    started(runs("program", 0o755, elfProgram(otherMachine, "/lib/ld.so")))},
	{
		what:    "the program's dynamic loader does not exist",
		message: "exec /program: no such file or directory (the file is there, but not its interpreter: what stands after #!, or the dynamic loader",
		remedy:  "Link the program statically, or take an image with its C library.",
		make:    started(runs("program", 0o755, elfProgram(thisMachine, "/lib/ld9.so")))},
	{
		what:    "the program is on a mount with noexec",
		message: `exec: "/tools/program": permission denied (it must be … on a mount without noexec`,
		remedy:  "Mount the program's directory without `MS_NOEXEC`.",
		make: started(runs("tools/program", 0o755, "#!/bin/sh\n"),
			func(t *testing.T, c *configs.Config, p *libcontainer.Process) {
				c.Mounts = append(c.Mounts, &configs.Mount{Source: filepath.Join(c.Rootfs, "tools"), Destination: "/tools", Device: "bind",
					Flags: unix.MS_BIND | unix.MS_NOEXEC})
			})},
	{
		what:    "the user may not execute the program",
		message: `exec: "/program": permission denied (it must be a regular file that the user may execute`,
		remedy:  "Change the file's mode or owner in the image, or the process's `User`.",
		make:    started(runs("program", 0o700, "#!/bin/sh\n"), withoutCapabilities)},
	{
		what:    "the user may not pass through a directory to the program",
		message: `exec: "/closed/program": permission denied (it must be … below directories that he may search`,
		remedy:  "Give the directories above it the permission x for the user.",
		make: started(runs("closed/program", 0o755, "#!/bin/sh\n"), withoutCapabilities,
			func(t *testing.T, c *configs.Config, p *libcontainer.Process) {
				if err := os.Chmod(filepath.Join(c.Rootfs, "closed"), 0o700); err != nil {
					t.Fatal(err)
				}
			})},
	{
		what:    "the working directory does not exist",
		message: `change to working directory "/nowhere": no such file or directory`,
		remedy:  "Make it in the image, set `MakeCwd`, or another `Cwd`.",
		make:    started(func(_ *testing.T, _ *configs.Config, p *libcontainer.Process) { p.Cwd = "/nowhere" })},
	{
		what:    "the working directory is a file",
		message: `change to working directory "/file": not a directory`,
		remedy:  "Set another `Cwd`.",
		make:    started(runs("file", 0o755, ""), func(_ *testing.T, _ *configs.Config, p *libcontainer.Process) { p.Cwd = "/file" })},
	{
		what:    "the working directory is relative",
		message: `Cwd "tmp" is not absolute`,
		remedy:  "Begin it with a slash.",
		make:    started(func(_ *testing.T, _ *configs.Config, p *libcontainer.Process) { p.Cwd = "tmp" })},
	{
		what:    "the seccomp profile does not allow execve",
		message: "the seccomp profile must allow execve: without it no program can be started",
		remedy:  "Add a rule that allows `execve`.",
		make: started(configured(func(c *configs.Config) {
			c.Seccomp = &configs.Seccomp{DefaultAction: configs.Errno}
		}))},
}

var userMistakes = []mistake{
	{
		what:    "the container's /etc/passwd has no such user",
		message: `look up user "alice9": there is no user "alice9" in /etc/passwd`,
		remedy:  "Name a user of the image, or a number.",
		make:    started(user("alice9"))},
	{
		what:    "the container's /etc/group has no such group",
		message: `look up user "0:crew9": there is no group "crew9" in /etc/group`,
		remedy:  "Name a group of the image, or a number.",
		make:    started(user("0:crew9"))},
	{
		what:    "the container's /etc/group has no such additional group",
		message: `look up additional groups ["crew9"]: there is no group "crew9" in /etc/group`,
		remedy:  "Name a group of the image, or a number.",
		make:    started(configured(func(c *configs.Config) { c.AdditionalGroups = []string{"crew9"} }))},
	{
		what:    "the user is not mapped in the user namespace",
		message: "user 70000 is not mapped in the container's user namespace: add it to UidMappings",
		remedy:  "Map it, or take a user that is mapped.",
		make:    started(mapped(usual), user("70000:0"))},
	{
		what:    "the group is not mapped in the user namespace",
		message: "group 70000 is not mapped in the container's user namespace: add it to GidMappings",
		remedy:  "Map it, or take a group that is mapped.",
		make:    started(mapped(usual), user("0:70000"))},
	{
		what:    "an additional group is not mapped in the user namespace",
		message: "group 70000 is not mapped in the container's user namespace: add it to GidMappings",
		remedy:  "Map it, or leave it out.",
		make:    started(mapped(usual), configured(func(c *configs.Config) { c.AdditionalGroups = []string{"70000"} }))},
	{
		what:    "the mappings have no id 0",
		message: "UidMappings have no entry with the ContainerID 0: the container needs root, who sets it up",
		remedy:  "Map id 0, and run the process as another user.",
		make:    started(mapped(configs.IDMap{ContainerID: 1, HostID: 100000, Size: 65536}))},
	{
		what:    "a user namespace has no mappings",
		message: "UidMappings are empty, but a new user namespace needs them",
		remedy:  "Set `UidMappings` and `GidMappings`.",
		make:    started(mapped())},
	{
		what:    "there are more than 65,536 groups",
		message: "AdditionalGroups are 65537, and the kernel takes 65536",
		remedy:  "Leave some out.",
		make: started(configured(func(c *configs.Config) {
			for i := range 65537 {
				c.AdditionalGroups = append(c.AdditionalGroups, strconv.Itoa(i))
			}
		}))},
	{
		what:    "a capability does not exist",
		message: `Capabilities[0] "CAP_FLY" is not the name of a capability, such as CAP_CHOWN`,
		remedy:  "capabilities(7) has the names.",
		make:    started(configured(func(c *configs.Config) { c.Capabilities = []string{"CAP_FLY"} }))},
}

var fileMistakes = []mistake{
	{
		what:    "the root file system does not exist",
		message: `Rootfs "/no/rootfs": lstat /no: no such file or directory`,
		remedy:  "Unpack the image there first.",
		make:    started(configured(func(c *configs.Config) { c.Rootfs = "/no/rootfs" }))},
	{
		what:    "the root file system's path is relative",
		message: `Rootfs "rootfs" is not absolute`,
		remedy:  "Give the whole path.",
		make:    started(configured(func(c *configs.Config) { c.Rootfs = "rootfs" }))},
	{
		what:    "the root file system is a file",
		message: `Rootfs "…/rootfs/etc/image" is not a directory`,
		remedy:  "Mount an image file, and give the directory.",
		make:    started(runs("etc/image", 0o644, ""), configured(func(c *configs.Config) { c.Rootfs += "/etc/image" }))},
	{
		what:    "no root file system is named",
		message: `Rootfs "" is empty`,
		remedy:  "Set `Rootfs`.",
		make:    started(configured(func(c *configs.Config) { c.Rootfs = "" }))},
	{
		what:    "there are layers, and a root file system besides",
		message: `Rootfs "…" must be empty, as the root is made of Overlay`,
		remedy:  "Leave `Rootfs` empty: its directory can be the last one of `Overlay.Lower`.",
		make: started(configured(func(c *configs.Config) {
			c.Overlay = &configs.Overlay{Lower: []string{c.Rootfs}, Memory: 1 << 20}
		}))},
	{
		what:    "nothing says where the changes of an overlay go",
		message: "Overlay has neither Upper and Work nor Memory, and mount points must be made somewhere",
		remedy:  "Set `Overlay.Memory`, to a megabyte for a root that is `Readonlyfs`, or `Upper` and `Work`.",
		make:    started(layered(func(*testing.T, *configs.Overlay) {}))},
	{
		what:    "a layer lies within another one",
		message: `Overlay.Lower[0] "…/etc" is within Lower[1]`,
		remedy:  "Give each layer a directory of its own.",
		make: started(layered(func(_ *testing.T, o *configs.Overlay) {
			o.Memory, o.Lower = 1<<20, []string{o.Lower[0] + "/etc", o.Lower[0]}
		}))},
	{
		what:    "the directories of an overlay's changes are on two mounts",
		message: "make the root of layers: upper layer …/work: open: invalid cross-device link (Upper and Work must be in one mount of one file system)",
		remedy:  "Put `Upper` and `Work` beside each other.",
		make: started(layered(func(t *testing.T, o *configs.Overlay) {
			dir := publicTempDir(t)
			o.Upper, o.Work = mkdir(t, dir, "upper"), mkdir(t, dir, "work")
			hostTmpfs(t, o.Work)
		}))},
	{
		what:    "two pools of ids have ids in common",
		message: "claim ids (5 ranges of 10 ids from 400005 on): the pool overlaps another one that is in use: 3 ranges of 65536 ids from 400000 on",
		remedy:  "Give all containers of a root directory the same `IDs`, or pools that are apart.",
		make:    overlappingPools},
	{
		what:    "a bind mount's source does not exist",
		message: "mount /no/source on /data: open the source: no such file or directory (the host has no such file or directory: make it before the start)",
		remedy:  "Make it on the host before the start.",
		make:    started(mounted(&configs.Mount{Source: "/no/source", Destination: "/data", Device: "bind", Flags: unix.MS_BIND}))},
	{
		what:    "a bind mount's source is relative",
		message: `Mounts[…].Source "source" is not absolute, and a bind mount needs the whole path`,
		remedy:  "Give the whole path on the host.",
		make:    started(mounted(&configs.Mount{Source: "source", Destination: "/data", Device: "bind", Flags: unix.MS_BIND}))},
	{
		what:    "a directory is bound to a file",
		message: "mount /usr on /etc/passwd: make mount point: open /etc/passwd: not a directory (",
		remedy:  "Bind a file to a file, and a directory to a directory.",
		make:    started(mounted(&configs.Mount{Source: "/usr", Destination: "/etc/passwd", Device: "bind", Flags: unix.MS_BIND}))},
	{
		what:    "a file is bound to a directory",
		message: "mount /etc/passwd on /tmp: make mount point: a directory is there: is a directory",
		remedy:  "Bind a file to a file, and a directory to a directory.",
		make: started(mounted(&configs.Mount{Source: "/etc/passwd", Destination: "/tmp", Device: "bind", Flags: unix.MS_BIND}), func(t *testing.T, c *configs.Config, _ *libcontainer.Process) {
			_ = os.Mkdir(filepath.Join(c.Rootfs, "tmp"), 0o755)
		})},
	{
		what:    "the mount point is missing on a read-only mount",
		message: "mount tmpfs on /ro/no/such: make mount point: mkdir /ro/no: read-only file system (the mount point must be there already)",
		remedy:  "Make the directory in the source of the read-only mount.",
		make: started(
			mounted(&configs.Mount{Source: "/usr", Destination: "/ro", Device: "bind", Flags: unix.MS_BIND | unix.MS_RDONLY}),
			mounted(&configs.Mount{Source: "tmpfs", Destination: "/ro/no/such", Device: "tmpfs"}))},
	{
		what:    "the mount point is on a read-only proc",
		message: "mount tmpfs on /proc/acpi9: make mount point: mkdir /proc/acpi9: no such file or directory",
		remedy:  "Nothing can be made in /proc: mount elsewhere.",
		make:    started(mounted(&configs.Mount{Source: "tmpfs", Destination: "/proc/acpi9", Device: "tmpfs"}))},
	{
		what:    "the kernel does not know the type of file system",
		message: `mount none on /data: open file system "nosuchfs": no such device (this kernel does not have that type of file system)`,
		remedy:  "Load its module, or take a type that `/proc/filesystems` has.",
		make:    started(mounted(&configs.Mount{Source: "none", Destination: "/data", Device: "nosuchfs"}))},
	{
		what:    "the file system does not know an option",
		message: `mount tmpfs on /data: option "bogus=1": invalid argument (tmpfs: Unknown parameter 'bogus')`,
		remedy:  "Take it out of `Data`.",
		make:    started(mounted(&configs.Mount{Source: "tmpfs", Destination: "/data", Device: "tmpfs", Data: "bogus=1"}))},
	{
		what:    "an overlay's directory is in use by another mount",
		message: "mount overlay on /two: create: device or resource busy (what it is made of is in use by another mount)",
		remedy:  "Give each overlay its own `upperdir` and `workdir`.",
		make: started(func(t *testing.T, c *configs.Config, p *libcontainer.Process) {
			dir := publicTempDir(t)
			for _, name := range []string{"lower", "upper", "work"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
			for _, name := range []string{"lower", "upper", "work"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, to := range []string{"/one", "/two"} {
				c.Mounts = append(c.Mounts, &configs.Mount{Source: "overlay", Destination: to, Device: "overlay",
					Data: fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work,index=on", dir)})
			}
		})},
	{
		what:    "a device's path is not absolute",
		message: `Devices[…].Path "dev/x" is not absolute`,
		remedy:  "Begin it with a slash.",
		make: started(configured(func(c *configs.Config) {
			c.Devices = append(c.Devices, &configs.Device{Type: 'c', Path: "dev/x", Major: 1, Minor: 3})
		}))},
	{
		what:    "a hook's program does not exist",
		message: "prestart hook 0: run command /no/hook: fork/exec /no/hook: no such file or directory",
		remedy:  "The path is one of the host, or of the container, as the kind of hook says.",
		make: started(configured(func(c *configs.Config) {
			c.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/no/hook"})}}
		}))},
	{
		what:    "a hook fails",
		message: "prestart hook 0: run command /bin/sh: exit status 3: no disk",
		remedy:  "What comes last is what the hook wrote: mend that.",
		make: started(configured(func(c *configs.Config) {
			c.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo no disk >&2; exit 3"}})}}
		}))},
}

var limitMistakes = []mistake{
	{
		what:    "the id is in use",
		message: `create container "web": the id is in use`,
		remedy:  "Load that container and destroy it, or take another id.",
		make: func(t *testing.T) error {
			factory := newFactory(t)
			container, err := factory.Create("web", newConfig(t))
			if err != nil {
				t.Fatal(err)
			}
			defer container.Destroy()
			_, err = factory.Create("web", newConfig(t))
			return err
		}},
	{
		what:    "the id is not a name",
		message: `container id "web/1" holds '/'; letters, digits and _.+- are allowed`,
		remedy:  "Take another id.",
		make: func(t *testing.T) error {
			_, err := newFactory(t).Create("web/1", newConfig(t))
			return err
		}},
	{
		what:    "no container has the id",
		message: `container "web" does not exist`,
		remedy:  "`List` has the ids; is it the same root directory?",
		make: func(t *testing.T) error {
			_, err := newFactory(t).Load("web")
			return err
		}},
	{
		what:    "others may write to the factory's root",
		message: "… is not safe to keep state in: others than its owner may write there (…); chmod it to 0700, or use another directory",
		remedy:  "`chmod 0700` it, or use another directory.",
		make: func(t *testing.T) error {
			dir := publicTempDir(t)
			if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
				t.Fatal(err)
			}
			_, err := newFactoryIn(dir)
			return err
		}},
	{
		what:    "a container that does not run is paused",
		message: `pause container "web": it is created`,
		remedy:  "Start it first.",
		make: func(t *testing.T) error {
			container, err := newFactory(t).Create("web", newConfig(t))
			if err != nil {
				t.Fatal(err)
			}
			defer container.Destroy()
			return container.Pause()
		}},
	{
		what:    "a CPU does not exist",
		message: "CpusetCpus: write '4000' to …cpuset.cpus: …",
		remedy:  "Take CPUs that `/sys/devices/system/cpu/online` has.",
		make:    started(limited(func(r *configs.Resources) { r.CpusetCpus = "4000" }))},
	{
		what:    "a list of CPUs is none",
		message: "CpusetCpus: write 'a-b' to …cpuset.cpus: invalid argument",
		remedy:  "Write it as `0-2,7`.",
		make:    started(limited(func(r *configs.Resources) { r.CpusetCpus = "a-b" }))},
	{
		what:    "the CPU period is too short",
		message: "Cgroups.CpuPeriod 10 is not in the range 1000 to 1000000",
		remedy:  "It is in microseconds.",
		make:    started(limited(func(r *configs.Resources) { r.CpuQuota, r.CpuPeriod = 1000, 10 }))},
	{
		what:    "memory and swap together are less than memory",
		message: "Cgroups.MemorySwap 33554432 is memory and swap together and below Memory 67108864",
		remedy:  "Add `Memory` to it.",
		make:    started(limited(func(r *configs.Resources) { r.Memory, r.MemorySwap = 64<<20, 32<<20 }))},
	{
		what:    "the machine has no such huge pages",
		message: "HugetlbLimit[0] (…",
		remedy:  "Take a size that `/sys/kernel/mm/hugepages` has.",
		make: started(limited(func(r *configs.Resources) {
			r.HugetlbLimit = []*configs.HugepageLimit{{Pagesize: "3MB", Limit: 1 << 20}}
		}))},
	{
		what:    "a file of cgroup v2 does not exist",
		message: `Unified["nothing.max"] …`,
		remedy:  "Take a file, and a controller, of this machine's cgroup v2.",
		make:    started(limited(func(r *configs.Resources) { r.Unified = map[string]string{"nothing.max": "1"} }))},
	{
		what:    "a soft limit is above the hard one",
		message: "Rlimits[0].Soft 10 is above Hard 5",
		remedy:  "Raise `Hard`, or lower `Soft`.",
		make: started(configured(func(c *configs.Config) {
			c.Rlimits = []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Soft: 10, Hard: 5}}
		}))},
	{
		what:    "a kernel parameter is the whole machine's",
		message: `Sysctl["vm.swappiness"] does not belong to a namespace and would change the host`,
		remedy:  "Set it on the host.",
		make:    started(configured(func(c *configs.Config) { c.Sysctl = map[string]string{"vm.swappiness": "1"} }))},
	{
		what:    "a kernel parameter does not exist",
		message: `set sysctl net.nothing to "1": no such file or directory (this kernel has no such parameter, or not in a namespace)`,
		remedy:  "Look for it below `/proc/sys` of a container.",
		make:    started(configured(func(c *configs.Config) { c.Sysctl = map[string]string{"net.nothing": "1"} }))},
	{
		what:    "a kernel parameter does not take the value",
		message: `set sysctl net.ipv4.ip_forward to "yes": invalid argument (it does not take that value)`,
		remedy:  "Read its document in the kernel's sources.",
		make:    started(configured(func(c *configs.Config) { c.Sysctl = map[string]string{"net.ipv4.ip_forward": "yes"} }))},
	{
		what:    "a namespace to join does not exist",
		message: "open ipc namespace /no/namespace: no such file or directory",
		remedy:  "Does the process whose namespace it is still run?",
		make:    started(configured(func(c *configs.Config) { c.Namespaces.Add(configs.NEWIPC, "/no/namespace") }))},
	{
		what:    "a namespace to join is of another type",
		message: "/proc/self/ns/uts is not a namespace of type ipc",
		remedy:  "Give the path of a namespace of that type.",
		make:    started(configured(func(c *configs.Config) { c.Namespaces.Add(configs.NEWIPC, "/proc/self/ns/uts") }))},
	{
		what:    "the bridge does not exist",
		message: `set up veth "eth0" with the host's end "…": join bridge "nobridge9": there is no such device`,
		remedy:  "Make it on the host before the start.",
		make: started(configured(func(c *configs.Config) {
			c.Networks = append(c.Networks, &configs.Network{Type: "veth", Bridge: "nobridge9"})
		}))},
	{
		what:    "a network device of the host does not exist",
		message: `look at network device "nodevice9": the host has no such device`,
		remedy:  "`ip link` has the names; a container may have it already.",
		make: started(configured(func(c *configs.Config) {
			c.NetDevices = map[string]*configs.NetDevice{"nodevice9": {}}
		}))},
	{
		what:    "a route's interface does not exist",
		message: `add Routes[0] through "eth9": the container has no such interface`,
		remedy:  "Take the `Name` of a network or device of the container.",
		make: started(configured(func(c *configs.Config) {
			c.Routes = []*configs.Route{{Destination: "10.0.0.0/8", InterfaceName: "eth9"}}
		}))},
	{
		what:    "a route's gateway cannot be reached",
		message: `add Routes[0] through "eth0": to "10.0.0.0/8" by gateway "198.51.100.1"…network is unreachable (no route leads to the gateway: put one before it, without a Gateway)`,
		remedy:  "Add a route to the gateway, without a `Gateway`, before it.",
		make: started(configured(func(c *configs.Config) {
			c.Networks = append(c.Networks, &configs.Network{Type: "veth", Address: "192.0.2.2/24"})
			c.Routes = []*configs.Route{{Destination: "10.0.0.0/8", Gateway: "198.51.100.1", InterfaceName: "eth0"}}
		}))},
	{
		what:    "the machine has no SELinux",
		message: `process label "system_u:system_r:container_t:s0": SELinux is not enabled on this machine`,
		remedy:  "Leave the label out, or enable SELinux.",
		make:    started(configured(func(c *configs.Config) { c.ProcessLabel = "system_u:system_r:container_t:s0" }))},
}

// layered has the root file system be the only layer of an overlay, whose changes go nowhere yet.
func layered(edit func(t *testing.T, o *configs.Overlay)) change {
	return func(t *testing.T, c *configs.Config, _ *libcontainer.Process) {
		c.Overlay = &configs.Overlay{Lower: []string{c.Rootfs}}
		c.Rootfs = ""
		edit(t, c.Overlay)
	}
}

func overlappingPools(t *testing.T) error {
	factory := newFactory(t)
	checkLeaks(t)
	first, err := factory.Create("first", pooledConfig(baseRootfs, "first"))
	if err != nil {
		return err
	}
	defer first.Destroy()
	config := pooledConfig(baseRootfs, "second")
	config.IDs = &configs.IDPool{First: testPool.First + 5, Size: 10, Count: 5}
	_, err = factory.Create("second", config)
	return err
}
