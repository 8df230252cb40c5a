package integration

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

const noAccess = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

var sameTests = map[string]sameTest{
	"default":        {cgroups: true},
	"read-only root": {config: func(_ *testing.T, c *configs.Config) { c.Readonlyfs = true }},
	// Criu gives but one of them its flags.
	"several mounts of one directory": {config: func(t *testing.T, c *configs.Config) {
		volume := mkdir(t, filepath.Dir(c.Rootfs), "volume")
		write(t, "text\n", volume, "file")
		for name, flags := range map[string]int{
			"ro1": unix.MS_RDONLY, "ro2": unix.MS_RDONLY, "rw": 0, "none": noAccess, "none-ro": noAccess | unix.MS_RDONLY,
			"nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC, "noatime": unix.MS_NOATIME,
			"strictatime": unix.MS_STRICTATIME, "nodiratime": unix.MS_NODIRATIME,
		} {
			addMount(c, bindOn(volume, "/mnt/"+name, flags))
		}
	}},
	"volumes": {config: volumes},
	"volumes, root read-only": {config: func(t *testing.T, c *configs.Config) {
		volumes(t, c)
		c.Readonlyfs = true
	}},
	"user namespace": {config: func(t *testing.T, c *configs.Config) { withUserNS(t, c, 200000) }},
	"user namespace, volumes": {config: func(t *testing.T, c *configs.Config) {
		withUserNS(t, c, 200000)
		volumes(t, c)
	}},
	"cgroup mounts": {cgroups: true, config: func(_ *testing.T, c *configs.Config) { withCgroupMount(c, 0) }},
	"cgroup mounts, read-only": {cgroups: true, config: func(_ *testing.T, c *configs.Config) {
		withCgroupMount(c, unix.MS_RDONLY)
	}},
	"cgroup mounts, user namespace": {cgroups: true, config: func(t *testing.T, c *configs.Config) {
		withUserNS(t, c, 200000)
		withCgroupMount(c, 0)
	}},
	"cgroup mounts, no cgroup namespace": {cgroups: true, config: func(_ *testing.T, c *configs.Config) {
		withCgroupMount(c, 0)
		c.Namespaces.Remove(configs.NEWCGROUP)
	}, differ: []difference{
		{"inside: (own cgroup|cgroup of init)|mount .* root", "the container is in another cgroup, and sees it"},
	}},
	"no cgroup namespace": {
		cgroups: true,
		config:  func(_ *testing.T, c *configs.Config) { c.Namespaces.Remove(configs.NEWCGROUP) },
		differ:  []difference{{"inside: (own cgroup|cgroup of init)", "the container is in another cgroup, and sees it"}},
	},
	"no network namespace": {config: func(_ *testing.T, c *configs.Config) {
		c.Namespaces.Remove(configs.NEWNET)
		c.Networks = nil
	}},
	"no ipc and uts namespaces": {config: func(_ *testing.T, c *configs.Config) {
		c.Namespaces.Remove(configs.NEWIPC)
		c.Namespaces.Remove(configs.NEWUTS)
		c.Hostname = ""
		dropMount(c, "/dev/mqueue")
	}},
	"time namespace": {config: func(_ *testing.T, c *configs.Config) {
		c.Namespaces.Add(configs.NEWTIME, "")
		c.TimeOffsets = map[string]configs.TimeOffset{"monotonic": {Secs: 100000}, "boottime": {Secs: 500000}}
	}},
	"tmpfs with data": {config: func(t *testing.T, c *configs.Config) {
		write(t, "text\n", mkdir(t, c.Rootfs, "var", "lib"), "file")
		addMount(c, configs.Mount{Source: "tmpfs", Destination: "/run", Device: "tmpfs", Data: "size=8m,mode=0750", Flags: noAccess})
		c.Mounts = append(c.Mounts, copyUp("/var", "size=16m"))
	}, script: `mkdir -p /run/a/b; head -c 100000 /dev/urandom >/run/a/b/file; chmod 600 /run/a/b/file; chown 5:6 /run/a
		ln -s /nothing /run/link; mkfifo /run/fifo; ln /run/a/b/file /run/hard; echo changed >>/var/lib/file; echo shm >/dev/shm/x`},
	"masked and read-only paths": {config: func(t *testing.T, c *configs.Config) {
		write(t, "secret\n", mkdir(t, c.Rootfs, "srv", "secrets"), "file")
		write(t, "text\n", c.Rootfs, "srv", "ro")
		c.MaskPaths = append(c.MaskPaths, "/srv/secrets", "/etc/passwd", "/nothing")
		c.ReadonlyPaths = append(c.ReadonlyPaths, "/srv/ro", "/etc")
	}},
	"hostname, sysctls": {config: func(_ *testing.T, c *configs.Config) {
		c.Hostname, c.Domainname = "a-host", "a.domain"
		c.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.ping_group_range": "0 5", "kernel.shmmax": "12345678", "kernel.msgmax": "4096",
			"net.ipv4.ip_unprivileged_port_start": "80", "fs.mqueue.msg_max": "20", "net.core.somaxconn": "77"}
	}},
	"process": {process: func(_ *testing.T, p *libcontainer.Process) {
		ofAnotherUser(p)
	}, script: dispositions, limits: true},
	"process in a user namespace": {config: func(t *testing.T, c *configs.Config) {
		withUserNS(t, c, 200000)
		mkdir(t, c.Rootfs, "home", "somebody")
	}, process: func(_ *testing.T, p *libcontainer.Process) {
		ofAnotherUser(p)
	}, script: dispositions},
	"process of root": {process: func(_ *testing.T, p *libcontainer.Process) {
		ofAnotherUser(p)
		p.User = ""
		p.CapabilitySets.Ambient, p.CapabilitySets.Inheritable = nil, nil
		p.CapabilitySets.Effective = []string{"CAP_CHOWN"}
	}, script: dispositions},
	"scheduling": {process: func(_ *testing.T, p *libcontainer.Process) {
		p.Scheduler = &configs.Scheduler{Policy: "SCHED_BATCH", Nice: 7}
		p.IOPriority = &configs.IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 6}
		p.CPUAffinity = &configs.CPUAffinity{Final: "0"}
		p.MemoryPolicy = &configs.MemoryPolicy{Mode: "MPOL_BIND", Nodes: "0"}
		p.Personality = &configs.Personality{Domain: "LINUX", Flags: []string{"ADDR_NO_RANDOMIZE"}}
	}, opts: libcontainer.CriuOpts{DropSettings: true}, differ: []difference{
		{"memory policies", "criu does not save them, and nobody but a process itself can set its own"},
		{"personality", "criu does not save it, and nobody but a process itself can set its own"},
	}},
	"idle scheduling": {process: func(_ *testing.T, p *libcontainer.Process) {
		p.Scheduler = &configs.Scheduler{Policy: "SCHED_IDLE"}
		p.IOPriority = &configs.IOPriority{Class: "IOPRIO_CLASS_IDLE"}
	}},
	"all capabilities, no filter": {config: func(_ *testing.T, c *configs.Config) {
		c.DefaultSeccomp, c.NoNewPrivileges = false, false
		c.MaskPaths, c.ReadonlyPaths = nil, nil
	}},
	"own seccomp filter": {config: func(_ *testing.T, c *configs.Config) {
		c.DefaultSeccomp = false
		c.Seccomp = &configs.Seccomp{DefaultAction: configs.Allow, Syscalls: []*configs.Syscall{
			{Name: "acct", Action: configs.Errno}, {Name: "reboot", Action: configs.Kill},
		}}
	}},
	"devices": {config: func(_ *testing.T, c *configs.Config) {
		c.Devices = append(c.Devices, moreDevices()...)
	}},
	"devices, user namespace": {config: func(t *testing.T, c *configs.Config) {
		withUserNS(t, c, 200000)
		c.Devices = append(c.Devices, &configs.Device{Path: "/dev/kmsg", Type: 'c', Major: 1, Minor: 11, FileMode: 0o600})
	}},
	"limits": {cgroups: true, config: func(_ *testing.T, c *configs.Config) {
		c.Cgroups.Memory = 100 << 20
		c.Cgroups.PidsLimit = 50
		c.Cgroups.CpuShares = 512
		c.Cgroups.CpuQuota, c.Cgroups.CpuPeriod = 90000, 100000
		c.Cgroups.CpusetCpus, c.Cgroups.CpusetMems = "0", "0"
	}},
	"parent death signal":       {config: func(_ *testing.T, c *configs.Config) { c.ParentDeathSignal = int(unix.SIGUSR1) }, keepsThread: true},
	"root private":              {config: rootPropagation(unix.MS_PRIVATE)},
	"root private, recursively": {config: rootPropagation(unix.MS_PRIVATE | unix.MS_REC)},
	"root slave":                {config: rootPropagation(unix.MS_SLAVE)},
	"root slave, recursively":   {config: rootPropagation(unix.MS_SLAVE | unix.MS_REC)},
	"root shared":               {config: rootPropagation(unix.MS_SHARED)},
	"root shared, recursively":  {config: rootPropagation(unix.MS_SHARED | unix.MS_REC)},
	"no /dev of its own":        {config: func(_ *testing.T, c *configs.Config) { dropDevMounts(c) }},
}

const dispositions = `trap "" USR1; trap : USR2; trap "" PIPE`

// ofAnotherUser sets all of a process that its program cannot undo.
func ofAnotherUser(p *libcontainer.Process) {
	umask, oom := uint32(0o27), 321
	p.User, p.AdditionalGroups = "1000:1001", []string{"7", "9"}
	p.Cwd, p.MakeCwd = "/home/somebody", true
	p.Env = append(p.Env, "A=b", "EMPTY=", "LINES=a\nb")
	p.Umask, p.OomScoreAdj = &umask, &oom
	p.Rlimits = []configs.Rlimit{
		{Type: unix.RLIMIT_NOFILE, Soft: 100, Hard: 200}, {Type: unix.RLIMIT_CORE}, {Type: unix.RLIMIT_STACK, Soft: 1 << 20, Hard: 1 << 24},
	}
	p.CapabilitySets = &configs.CapabilitySets{
		Bounding:    []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"},
		Permitted:   []string{"CAP_CHOWN", "CAP_NET_BIND_SERVICE"},
		Inheritable: []string{"CAP_NET_BIND_SERVICE"},
		Effective:   []string{"CAP_NET_BIND_SERVICE"},
		Ambient:     []string{"CAP_NET_BIND_SERVICE"},
	}
}

// volumes adds mounts of the host of all kinds: nested ones, one of a file, one through a
// symbolic link, one on another, and one whose file system is the root's.
func volumes(t *testing.T, c *configs.Config) {
	t.Helper()
	top := filepath.Dir(c.Rootfs)
	outer, inner := mkdir(t, top, "outer"), mkdir(t, top, "inner")
	mkdir(t, outer, "sub")
	hostMount(t, "tmpfs", outer, "tmpfs", 0)
	mkdir(t, outer, "sub")
	mkdir(t, outer, "mounted")
	hostMount(t, "tmpfs", mkdir(t, outer, "mounted"), "tmpfs", unix.MS_NOEXEC)
	write(t, "deep\n", outer, "mounted", "deep")
	write(t, "outer\n", outer, "file")
	write(t, "inner\n", inner, "file")
	for _, name := range []string{"outer", "twice", "home"} {
		mkdir(t, c.Rootfs, "mnt", name)
	}
	mkdir(t, c.Rootfs, "run", "through-a-link")
	addMount(c, bindOn(outer, "/mnt/outer", unix.MS_REC))
	addMount(c, bindOn(inner, "/mnt/outer/sub", unix.MS_RDONLY))
	addMount(c, bindOn(filepath.Join(inner, "file"), "/etc/resolv.conf", unix.MS_RDONLY))
	addMount(c, bindOn(inner, "/var/run/through-a-link", 0))
	addMount(c, bindOn(inner, "/mnt/twice", 0))
	addMount(c, bindOn(inner, "/mnt/twice", unix.MS_RDONLY))
	addMount(c, bindOn(filepath.Join(c.Rootfs, "home"), "/mnt/home", 0))
}
