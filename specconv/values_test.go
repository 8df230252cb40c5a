package specconv

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// TestFullConfig has what becomes of every property.
func TestFullConfig(t *testing.T) {
	bundle := newBundle(t)
	result := mustConvert(t, fullSpec(), Options{ID: "one", Bundle: bundle, NoPivotRoot: true, NoNewKeyring: true})
	result.Config.Devices = result.Config.Devices[len(configs.DefaultSimpleDevices):]
	rules := &result.Config.Cgroups.DeviceRules
	*rules = (*rules)[:len(*rules)-len(defaultRules())]
	if d := diff(fullConfig(bundle), result.Config); d != "" {
		t.Errorf("configuration (-want +got):\n%s", d)
	}
	process := &libcontainer.Process{
		Args: []string{"/bin/cat", "file"}, Env: []string{"A=b"}, User: "7:8", AdditionalGroups: []string{"9", "10"},
		Cwd: "/work", MakeCwd: true, ConsoleSize: &configs.ConsoleSize{Height: 24, Width: 80},
	}
	if d := diff(process, result.Process); d != "" {
		t.Errorf("process (-want +got):\n%s", d)
	}
	if d := diff(&configs.CPUAffinity{Initial: "0", Final: "0-1"}, result.ExecCPUAffinity); d != "" || !result.Terminal {
		t.Errorf("terminal %v, affinity (-want +got):\n%s", result.Terminal, d)
	}
}

func fullConfig(bundle string) *configs.Config {
	return &configs.Config{
		NoPivotRoot:     true,
		KeepKeyring:     true,
		Rootfs:          bundle + "/rootfs",
		Readonlyfs:      true,
		Bundle:          bundle,
		Annotations:     map[string]string{"com.example.key": "value"},
		RootPropagation: unix.MS_SHARED,
		Mounts: []*configs.Mount{{
			Source: bundle + "/volume", Destination: "/data", Device: "bind",
			Flags: unix.MS_BIND | unix.MS_REC | unix.MS_NOSUID, RecAttrSet: unix.MOUNT_ATTR_RDONLY,
			PropagationFlags: []int{unix.MS_SLAVE | unix.MS_REC}, IDMapping: configs.IDMapRecursive,
			UidMappings: []configs.IDMap{{ContainerID: 1, HostID: 2, Size: 3}},
			GidMappings: []configs.IDMap{{ContainerID: 4, HostID: 5, Size: 6}},
		}},
		Devices:    []*configs.Device{{Path: "/dev/fuse", Type: 'c', Major: 10, Minor: 229, FileMode: 0o600, Uid: 1, Gid: 2}},
		MountLabel: "mountlabel",
		Hostname:   "host",
		Domainname: "domain",
		Namespaces: configs.Namespaces{{Type: configs.NEWNET, Path: "/proc/1/ns/net"}, {Type: configs.NEWUSER}},
		CapabilitySets: &configs.CapabilitySets{
			Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"},
			Permitted: []string{"CAP_KILL", "CAP_CHOWN"}, Ambient: []string{"CAP_KILL"},
		},
		NetDevices: map[string]*configs.NetDevice{"eth7": {Name: "eth0", Stay: true}},
		Cgroups:    &configs.Cgroup{Path: "/group/of/it", Resources: fullLimits()},
		IntelRdt: &configs.IntelRdt{
			ClosID: "class", Schemata: []string{"L3:0=f", "MB:0=50", "L2:0=1"}, EnableMonitoring: true,
		},
		AppArmorProfile: "profile",
		ProcessLabel:    "label",
		Rlimits:         []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: 2, Soft: 1}},
		OomScoreAdj:     100,
		Umask:           ptr(uint32(0o77)),
		Scheduler: &configs.Scheduler{
			Policy: "SCHED_DEADLINE", Nice: 1, Priority: 2, Flags: []string{"SCHED_FLAG_RECLAIM"}, Runtime: 3, Deadline: 4, Period: 5,
		},
		IOPriority:    &configs.IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 6},
		MemoryPolicy:  &configs.MemoryPolicy{Mode: "MPOL_BIND", Nodes: "0", Flags: []string{"MPOL_F_STATIC_NODES"}},
		Personality:   &configs.Personality{Domain: "LINUX32", Flags: []string{"ADDR_NO_RANDOMIZE"}},
		UidMappings:   []configs.IDMap{{ContainerID: 11, HostID: 12, Size: 13}},
		GidMappings:   []configs.IDMap{{ContainerID: 14, HostID: 15, Size: 16}},
		MaskPaths:     []string{"/proc/kcore"},
		ReadonlyPaths: []string{"/proc/sys"},
		Sysctl:        map[string]string{"kernel.shmmni": "1"},
		Seccomp: &configs.Seccomp{
			DefaultAction: configs.Errno, DefaultErrnoRet: ptr(uint(38)),
			Architectures: []string{"SCMP_ARCH_X86_64"}, Flags: []string{"SECCOMP_FILTER_FLAG_LOG"},
			ListenerPath: "/run/agent", ListenerMetadata: "metadata",
			Syscalls: []*configs.Syscall{
				{Name: "clone", Action: configs.Errno, ErrnoRet: ptr(uint(1)), Args: []*configs.Arg{{Index: 1, Value: 2, ValueTwo: 2, Op: configs.MaskEqualTo}}},
				{Name: "unshare", Action: configs.Errno, ErrnoRet: ptr(uint(1)), Args: []*configs.Arg{{Index: 1, Value: 2, ValueTwo: 2, Op: configs.MaskEqualTo}}},
			},
		},
		NoNewPrivileges: true,
		TimeOffsets:     map[string]configs.TimeOffset{"monotonic": {Secs: -1, Nanosecs: 2}},
		Hooks: &configs.Hooks{
			Prestart: hook("/1"), CreateRuntime: hook("/2"), CreateContainer: hook("/3"),
			StartContainer: hook("/4"), Poststart: hook("/5"), Poststop: hook("/6"),
		},
		Version: "1.3.0",
	}
}

func hook(path string) []configs.Hook {
	return []configs.Hook{configs.NewCommandHook(configs.Command{
		Path: path, Args: []string{path, "arg"}, Env: []string{"C=d"}, Timeout: ptr(5 * time.Second),
	})}
}

func fullLimits() *configs.Resources {
	return &configs.Resources{
		DeviceRules:       []*configs.DeviceRule{{Allow: true, Type: 'b', Major: 8, Minor: 1, Permissions: "rw"}},
		Memory:            1 << 20,
		MemoryReservation: 1 << 19,
		MemorySwap:        1 << 21,
		KernelMemoryTCP:   1 << 18,
		CpuShares:         512, CpuQuota: 10000, CpuPeriod: 20000, CpuRtRuntime: 1, CpuRtPeriod: 2,
		CpusetCpus: "0", CpusetMems: "0-1",
		PidsLimit:   20,
		BlkioWeight: 10, BlkioLeafWeight: 20,
		BlkioWeightDevice:            []*configs.WeightDevice{configs.NewWeightDevice(8, 16, 30, 40)},
		BlkioThrottleReadBpsDevice:   []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 16, 1)},
		BlkioThrottleWriteBpsDevice:  []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 16, 2)},
		BlkioThrottleReadIOPSDevice:  []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 16, 3)},
		BlkioThrottleWriteIOPSDevice: []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 16, 4)},
		HugetlbLimit:                 []*configs.HugepageLimit{{Pagesize: "2MB", Limit: 5}},
		OomKillDisable:               true,
		MemorySwappiness:             10,
		NetPrioIfpriomap:             []*configs.IfPrioMap{{Interface: "lo", Priority: 6}},
		NetClsClassid:                "1048577",
		MemoryCheckBeforeUpdate:      true,
		CpuBurst:                     ptr(uint64(100)),
		CpuIdle:                      ptr(int64(1)),
		Rdma:                         map[string]configs.RdmaLimit{"mlx5_1": {HcaHandles: ptr(uint32(7)), HcaObjects: ptr(uint32(8))}},
		Unified:                      map[string]string{"memory.high": "1M"},
	}
}
