package configs

import "github.com/libcontainer/libcontainer/internal/linux"

// Default returns a complete and safe configuration to edit: new mount, PID,
// network, IPC, UTS and cgroup namespaces, the usual mounts and devices, the
// kernel's sensitive files hidden or read-only, a small set of capabilities and
// no way to gain more, a filter of system calls that goes with them. What it leaves to the caller:
//
//   - Rootfs or Overlay, of which every container needs one;
//   - Cgroups.Name and Cgroups.Parent, and limits in Cgroups.Resources;
//   - Hostname;
//   - a user namespace (Namespaces.Add(NEWUSER, ""), and IDs or the two mappings), which
//     is the strongest protection there is;
//   - the labels of AppArmor and SELinux.
//
// The filter of system calls is the default one (DefaultSeccomp): a Seccomp of the
// caller's own takes its place, and with DefaultSeccomp false and none there is none.
//
// Every call returns a copy of its own, so nothing that a caller changes is seen
// by others.
func Default() *Config {
	return &Config{
		Namespaces:      defaultNamespaces(),
		Mounts:          defaultMounts(),
		Devices:         copyDevices(DefaultSimpleDevices),
		MaskPaths:       defaultMaskPaths(),
		ReadonlyPaths:   defaultReadonlyPaths(),
		Capabilities:    defaultCapabilities(),
		NoNewPrivileges: true,
		DefaultSeccomp:  true,
		Networks:        []*Network{{Type: "loopback"}},
		Cgroups: &Cgroup{
			Resources: &Resources{
				AllowedDevices:   copyDevices(DefaultAllowedDevices),
				MemorySwappiness: -1,
			},
		},
	}
}

func defaultNamespaces() Namespaces {
	return Namespaces{
		{Type: NEWNS},
		{Type: NEWPID},
		{Type: NEWNET},
		{Type: NEWIPC},
		{Type: NEWUTS},
		{Type: NEWCGROUP},
	}
}

func defaultMounts() []*Mount {
	const flags = linux.MS_NOSUID | linux.MS_NOEXEC | linux.MS_NODEV
	return []*Mount{
		{Source: "proc", Destination: "/proc", Device: "proc", Flags: flags},
		{
			Source:      "tmpfs",
			Destination: "/dev",
			Device:      "tmpfs",
			Flags:       linux.MS_NOSUID | linux.MS_STRICTATIME,
			Data:        "mode=755,size=65536k",
		},
		{
			Source:      "devpts",
			Destination: "/dev/pts",
			Device:      "devpts",
			Flags:       linux.MS_NOSUID | linux.MS_NOEXEC,
			Data:        "newinstance,ptmxmode=0666,mode=0620,gid=5",
		},
		{
			Source:      "shm",
			Destination: "/dev/shm",
			Device:      "tmpfs",
			Flags:       flags,
			Data:        "mode=1777,size=65536k",
		},
		{Source: "mqueue", Destination: "/dev/mqueue", Device: "mqueue", Flags: flags},
		{Source: "sysfs", Destination: "/sys", Device: "sysfs", Flags: flags | linux.MS_RDONLY},
	}
}

// defaultMaskPaths are files through which the kernel tells about the host or
// lets root reach it: interrupts and thermal throttling, for example, tell of what other
// containers do, down to single keystrokes.
func defaultMaskPaths() []string {
	return []string{
		"/proc/interrupts",
		"/proc/asound",
		"/proc/acpi",
		"/proc/kcore",
		"/proc/keys",
		"/proc/latency_stats",
		"/proc/timer_list",
		"/proc/timer_stats",
		"/proc/sched_debug",
		"/proc/scsi",
		"/sys/firmware",
		"/sys/devices/virtual/powercap",
		"/sys/devices/system/cpu/cpu*/thermal_throttle",
	}
}

// defaultReadonlyPaths are files through which root can change the host's kernel.
func defaultReadonlyPaths() []string {
	return []string{
		"/proc/bus",
		"/proc/fs",
		"/proc/irq",
		"/proc/sys",
		"/proc/sysrq-trigger",
	}
}

func defaultCapabilities() []string {
	return []string{
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_FSETID",
		"CAP_FOWNER",
		"CAP_MKNOD",
		"CAP_NET_RAW",
		"CAP_SETGID",
		"CAP_SETUID",
		"CAP_SETFCAP",
		"CAP_SETPCAP",
		"CAP_NET_BIND_SERVICE",
		"CAP_SYS_CHROOT",
		"CAP_KILL",
		"CAP_AUDIT_WRITE",
	}
}

func copyDevices(devices []*Device) []*Device {
	copies := make([]*Device, len(devices))
	for i, device := range devices {
		d := *device
		copies[i] = &d
	}
	return copies
}
