package configs

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestHostIDs(t *testing.T) {
	user := Namespaces{{Type: NEWUSER}}
	split := []IDMap{{ContainerID: 10, HostID: 5, Size: 2}, {ContainerID: 0, HostID: 1000, Size: 10}}
	tests := []struct {
		name       string
		namespaces Namespaces
		mappings   []IDMap
		id         int
		want       int
		wantErr    bool
	}{
		{name: "no user namespace", id: 7, want: 7},
		{name: "no user namespace, mappings ignored", mappings: split, want: 0},
		{name: "root", namespaces: user, mappings: split, want: 1000},
		{name: "last of a range", namespaces: user, mappings: split, id: 9, want: 1009},
		{name: "first of the other range", namespaces: user, mappings: split, id: 10, want: 5},
		{name: "past all ranges", namespaces: user, mappings: split, id: 12, wantErr: true},
		{name: "negative", namespaces: user, mappings: split, id: -1, wantErr: true},
		{name: "no mappings", namespaces: user, wantErr: true},
		{name: "root not mapped", namespaces: user, mappings: split[:1], wantErr: true},
		{name: "joined", namespaces: Namespaces{{Type: NEWUSER, Path: "/p"}}, mappings: split, want: 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			uids := Config{Namespaces: tt.namespaces, UidMappings: tt.mappings}
			got, err := uids.HostUIDFor(tt.id)
			checkID(t, "HostUIDFor", got, err, tt.want, tt.wantErr)
			gids := Config{Namespaces: tt.namespaces, GidMappings: tt.mappings}
			got, err = gids.HostGIDFor(tt.id)
			checkID(t, "HostGIDFor", got, err, tt.want, tt.wantErr)
			if tt.id != 0 {
				return
			}
			got, err = uids.HostUID()
			checkID(t, "HostUID", got, err, tt.want, tt.wantErr)
			got, err = gids.HostGID()
			checkID(t, "HostGID", got, err, tt.want, tt.wantErr)
		})
	}
}

func checkID(t *testing.T, what string, got int, err error, want int, wantErr bool) {
	t.Helper()
	if wantErr {
		if err == nil {
			t.Errorf("%s = %d, want an error", what, got)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("%s = %d, %v, want %d", what, got, err, want)
	}
}

// full sets what a round trip could lose: embedded types, fields whose tags are
// easily mixed up, pointers, the widest numbers.
func full() *Config {
	c := Default()
	c.Rootfs = "/rootfs"
	c.Overlay = &Overlay{Lower: []string{"/top", "/bottom"}, Upper: "/upper", Work: "/work", Memory: 1 << 62, Data: "volatile"}
	c.RootIDMapping = IDMapMount
	c.IDs = &IDPool{First: 1 << 31, Size: 65536, Count: 7}
	c.Domainname = "example"
	c.Cgroups.Name, c.Cgroups.Parent = "name", "/parent"
	c.Cgroups.Paths = map[string]string{"cpu": "/sys/fs/cgroup/cpu/x"}
	c.Cgroups.CpuQuota, c.Cgroups.CpuPeriod = 1, 2
	c.Cgroups.CpuRtRuntime, c.Cgroups.CpuRtPeriod = 3, 4
	c.Cgroups.BlkioWeightDevice = []*WeightDevice{NewWeightDevice(8, 16, 500, 600)}
	c.Cgroups.BlkioThrottleReadBpsDevice = []*ThrottleDevice{NewThrottleDevice(8, 1, 1<<63)}
	c.Rlimits = []Rlimit{{Type: 7, Hard: 1<<64 - 1, Soft: 1025}}
	c.Bundle, c.Annotations = "/bundle", map[string]string{"com.example.key": "value"}
	c.Umask, c.KeepOomScore, c.KeepKeyring = new(uint32), true, true
	c.Scheduler = &Scheduler{
		Policy: "SCHED_DEADLINE", Nice: -1, Priority: 2, Flags: []string{"SCHED_FLAG_RECLAIM"},
		Runtime: 1 << 63, Deadline: 3, Period: 4,
	}
	c.IOPriority = &IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 7}
	c.Mounts[0].FlagsClear = 8
	c.TimeOffsets = map[string]TimeOffset{"monotonic": {Secs: -5, Nanosecs: 7}}
	c.CapabilitySets = &CapabilitySets{Bounding: []string{"CAP_CHOWN"}}
	c.Seccomp = &Seccomp{
		DefaultAction: Allow,
		Syscalls:      []*Syscall{{Name: "clone", Action: Errno, Args: []*Arg{{Index: 1, Value: 1 << 63, Op: MaskEqualTo}}}},
	}
	return c
}

func TestConfigJSONRoundTrip(t *testing.T) {
	config := full()
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, config) {
		again, _ := json.Marshal(&got)
		t.Errorf("round trip changed the config:\n got %s\nwant %s", again, data)
	}
}

func TestConfigJSONLeavesHooksOut(t *testing.T) {
	config := Config{Hooks: &Hooks{Prestart: []Hook{NewFunctionHook(func(HookState) error { return nil })}}}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Hooks != nil {
		t.Errorf("hooks came back from JSON: %+v", got.Hooks)
	}
}

func TestDefaultReturnsCopies(t *testing.T) {
	pristine := Default()
	edited := Default()
	for _, d := range edited.Devices {
		d.Path = "/edited"
	}
	for _, d := range edited.Cgroups.AllowedDevices {
		d.Permissions = ""
	}
	for _, m := range edited.Mounts {
		m.Destination = "/edited"
	}
	edited.MaskPaths[0] = "/edited"
	edited.ReadonlyPaths[0] = "/edited"
	edited.Capabilities[0] = "CAP_SYS_ADMIN"
	edited.Namespaces[0].Path = "/edited"
	edited.Networks[0].Type = "edited"
	if got := Default(); !reflect.DeepEqual(got, pristine) {
		t.Errorf("editing one default changed another:\n got %+v\nwant %+v", got, pristine)
	}
	if DefaultSimpleDevices[0].Path != "/dev/null" || DefaultAllowedDevices[0].Permissions != "m" {
		t.Error("editing a default changed the package's devices")
	}
}

func TestSandboxReturnsCopies(t *testing.T) {
	pristine, edited := Sandbox(), Sandbox()
	edited.IDs.First = 1
	edited.Landlock.Paths[0].Path = "/edited"
	edited.Landlock.TCP.Bind = []uint16{1}
	edited.Rlimits[0].Soft = 1
	edited.Cgroups.Memory = 1
	for _, m := range edited.Mounts {
		m.Destination = "/edited"
	}
	if got := Sandbox(); !reflect.DeepEqual(got, pristine) {
		t.Errorf("editing one sandbox changed another:\n got %+v\nwant %+v", got, pristine)
	}
}
