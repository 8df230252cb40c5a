package specconv

import (
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func ptr[T any](value T) *T { return &value }

// fullSpec has every property that can be carried out, and those that are warned of, each
// with a value that is not the zero one. TestEveryProperty looks that none is missing.
func fullSpec() *specs.Spec {
	return &specs.Spec{
		Version:     "1.3.0",
		Hostname:    "host",
		Domainname:  "domain",
		Annotations: map[string]string{"com.example.key": "value"},
		Root:        &specs.Root{Path: "rootfs", Readonly: true},
		Process:     fullProcess(),
		Hooks:       fullHooks(),
		Mounts: []specs.Mount{{
			Destination: "/data", Type: "none", Source: "volume", Options: []string{"rbind", "nosuid", "rro", "rslave", "ridmap"},
			UIDMappings: []specs.LinuxIDMapping{{ContainerID: 1, HostID: 2, Size: 3}},
			GIDMappings: []specs.LinuxIDMapping{{ContainerID: 4, HostID: 5, Size: 6}},
		}},
		Linux: fullLinux(),
	}
}

func fullProcess() *specs.Process {
	return &specs.Process{
		Terminal:    true,
		ConsoleSize: &specs.Box{Height: 24, Width: 80},
		User:        specs.User{UID: 7, GID: 8, Umask: ptr(uint32(0o77)), AdditionalGids: []uint32{9, 10}},
		Args:        []string{"/bin/cat", "file"},
		Env:         []string{"A=b"},
		Cwd:         "/work",
		Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"},
			Permitted: []string{"CAP_KILL", "CAP_CHOWN"}, Ambient: []string{"CAP_KILL"},
		},
		Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 2, Soft: 1}},
		NoNewPrivileges: true,
		ApparmorProfile: "profile",
		OOMScoreAdj:     ptr(100),
		Scheduler: &specs.Scheduler{
			Policy: specs.SchedDeadline, Nice: 1, Priority: 2, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagReclaim},
			Runtime: 3, Deadline: 4, Period: 5,
		},
		SelinuxLabel:    "label",
		IOPriority:      &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6},
		ExecCPUAffinity: &specs.CPUAffinity{Initial: "0", Final: "0-1"},
	}
}

func fullHooks() *specs.Hooks {
	hook := func(path string) []specs.Hook {
		return []specs.Hook{{Path: path, Args: []string{path, "arg"}, Env: []string{"C=d"}, Timeout: ptr(5)}}
	}
	hooks := &specs.Hooks{
		CreateRuntime: hook("/2"), CreateContainer: hook("/3"), StartContainer: hook("/4"),
		Poststart: hook("/5"), Poststop: hook("/6"),
	}
	//lint:ignore SA1019 engines still use it
	hooks.Prestart = hook("/1")
	return hooks
}

func fullLinux() *specs.Linux {
	return &specs.Linux{
		UIDMappings:       []specs.LinuxIDMapping{{ContainerID: 11, HostID: 12, Size: 13}},
		GIDMappings:       []specs.LinuxIDMapping{{ContainerID: 14, HostID: 15, Size: 16}},
		Sysctl:            map[string]string{"kernel.shmmni": "1"},
		Resources:         fullResources(),
		CgroupsPath:       "/group/of/it",
		Namespaces:        []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: "/proc/1/ns/net"}, {Type: specs.UserNamespace}},
		Devices:           []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: ptr(os.FileMode(0o20600)), UID: ptr(uint32(1)), GID: ptr(uint32(2))}},
		NetDevices:        map[string]specs.LinuxNetDevice{"eth7": {Name: "eth0"}},
		Seccomp:           fullSeccomp(),
		RootfsPropagation: "shared",
		MaskedPaths:       []string{"/proc/kcore"},
		ReadonlyPaths:     []string{"/proc/sys"},
		MountLabel:        "mountlabel",
		IntelRdt: &specs.LinuxIntelRdt{
			ClosID: "class", Schemata: []string{"L2:0=1"}, L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=50", EnableMonitoring: true,
		},
		MemoryPolicy: &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}},
		Personality:  &specs.LinuxPersonality{Domain: specs.PerLinux32, Flags: []specs.LinuxPersonalityFlag{"ADDR_NO_RANDOMIZE"}},
		TimeOffsets:  map[string]specs.LinuxTimeOffset{"monotonic": {Secs: -1, Nanosecs: 2}},
	}
}

func fullSeccomp() *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(uint(38)),
		Architectures: []specs.Arch{specs.ArchX86_64}, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog},
		ListenerPath: "/run/agent", ListenerMetadata: "metadata",
		Syscalls: []specs.LinuxSyscall{{
			Names: []string{"clone", "unshare"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(1)),
			Args: []specs.LinuxSeccompArg{{Index: 1, Value: 2, ValueTwo: 2, Op: specs.OpMaskedEqual}},
		}},
	}
}

func fullResources() *specs.LinuxResources {
	block := specs.LinuxBlockIODevice{Major: 8, Minor: 16}
	memory := &specs.LinuxMemory{
		Limit: ptr(int64(1 << 20)), Reservation: ptr(int64(1 << 19)), Swap: ptr(int64(1 << 21)), KernelTCP: ptr(int64(1 << 18)),
		Swappiness: ptr(uint64(10)), DisableOOMKiller: ptr(true), UseHierarchy: ptr(false), CheckBeforeUpdate: ptr(true),
	}
	//lint:ignore SA1019 it is warned of
	memory.Kernel = ptr(int64(1))
	return &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: true, Type: "b", Major: ptr(int64(8)), Minor: ptr(int64(1)), Access: "rw"}},
		Memory:  memory,
		CPU: &specs.LinuxCPU{
			Shares: ptr(uint64(512)), Quota: ptr(int64(10000)), Burst: ptr(uint64(100)), Period: ptr(uint64(20000)),
			RealtimeRuntime: ptr(int64(1)), RealtimePeriod: ptr(uint64(2)), Cpus: "0", Mems: "0-1", Idle: ptr(int64(1)),
		},
		Pids: &specs.LinuxPids{Limit: ptr(int64(20))},
		BlockIO: &specs.LinuxBlockIO{
			Weight: ptr(uint16(10)), LeafWeight: ptr(uint16(20)),
			WeightDevice:            []specs.LinuxWeightDevice{{LinuxBlockIODevice: block, Weight: ptr(uint16(30)), LeafWeight: ptr(uint16(40))}},
			ThrottleReadBpsDevice:   []specs.LinuxThrottleDevice{{LinuxBlockIODevice: block, Rate: 1}},
			ThrottleWriteBpsDevice:  []specs.LinuxThrottleDevice{{LinuxBlockIODevice: block, Rate: 2}},
			ThrottleReadIOPSDevice:  []specs.LinuxThrottleDevice{{LinuxBlockIODevice: block, Rate: 3}},
			ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: block, Rate: 4}},
		},
		HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 5}},
		Network: &specs.LinuxNetwork{
			ClassID: ptr(uint32(0x100001)), Priorities: []specs.LinuxInterfacePriority{{Name: "lo", Priority: 6}},
		},
		Rdma:    map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr(uint32(7)), HcaObjects: ptr(uint32(8))}},
		Unified: map[string]string{"memory.high": "1M"},
	}
}
