package validate

import (
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// testCase edits a valid configuration. want is "" when it is valid still, else
// a part of the error.
type testCase struct {
	name string
	edit func(c *configs.Config)
	want string
}

func run(t *testing.T, tests []testCase) {
	t.Helper()
	dir := directory(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := configs.Default()
			config.Rootfs = dir
			tt.edit(config)
			check(t, New().Validate(config), tt.want)
		})
	}
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("a valid configuration is refused: %v", err)
	case want != "" && err == nil:
		t.Errorf("accepted, want an error with %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("error %q does not hold %q", err, want)
	}
}

// directory returns a new directory that no symbolic link leads to.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDefaultIsValid(t *testing.T) {
	run(t, []testCase{
		{"default", func(c *configs.Config) {}, ""},
		{"sandbox", func(c *configs.Config) { dir := c.Rootfs; *c = *configs.Sandbox(); c.Rootfs = dir }, ""},
	})
}

func TestNilConfig(t *testing.T) {
	check(t, New().Validate(nil), "is nil")
}

func TestSmallestConfig(t *testing.T) {
	check(t, new(ConfigValidator).Validate(&configs.Config{Rootfs: directory(t)}), "")
	check(t, new(ConfigValidator).Validate(&configs.Config{}), "Rootfs")
}

func TestConcurrentUse(t *testing.T) {
	config := configs.Default()
	config.Rootfs = directory(t)
	validator := New()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { check(t, validator.Validate(config), "") })
	}
	group.Wait()
}

// TestGodocSample has the configuration of the classic documentation.
func TestGodocSample(t *testing.T) {
	flags := syscall.MS_NOEXEC | syscall.MS_NOSUID | syscall.MS_NODEV
	config := &configs.Config{
		Rootfs:       directory(t),
		Capabilities: []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_AUDIT_WRITE"},
		Namespaces: configs.Namespaces([]configs.Namespace{
			{Type: configs.NEWNS},
			{Type: configs.NEWUTS},
			{Type: configs.NEWIPC},
			{Type: configs.NEWPID},
			{Type: configs.NEWUSER},
			{Type: configs.NEWNET},
		}),
		Cgroups: &configs.Cgroup{
			Name:   "test-container",
			Parent: "system",
			Resources: &configs.Resources{
				MemorySwappiness: -1,
				AllowAllDevices:  false,
				AllowedDevices:   configs.DefaultAllowedDevices,
			},
		},
		MaskPaths:     []string{"/proc/kcore"},
		ReadonlyPaths: []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"},
		Devices:       configs.DefaultAutoCreatedDevices,
		Hostname:      "testing",
		Mounts: []*configs.Mount{
			{Source: "proc", Destination: "/proc", Device: "proc", Flags: flags},
			{Source: "tmpfs", Destination: "/dev", Device: "tmpfs", Flags: syscall.MS_NOSUID | syscall.MS_STRICTATIME, Data: "mode=755"},
			{Source: "devpts", Destination: "/dev/pts", Device: "devpts", Data: "newinstance,ptmxmode=0666,mode=0620,gid=5"},
			{Source: "sysfs", Destination: "/sys", Device: "sysfs", Flags: flags | syscall.MS_RDONLY},
		},
		UidMappings: []configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 65536}},
		GidMappings: []configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 65536}},
		Networks:    []*configs.Network{{Type: "loopback", Address: "127.0.0.1/0", Gateway: "localhost"}},
		Rlimits:     []configs.Rlimit{{Type: syscall.RLIMIT_NOFILE, Hard: 1025, Soft: 1025}},
	}
	check(t, New().Validate(config), "")
}
