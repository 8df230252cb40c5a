//world:any

package integration

import (
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// RootPropagation is applied to / as it is: without MS_REC to that mount alone, so that
// a shared mount of the host which is bound in stays one; and none of the host's mounts
// goes when the old root does.
func TestRootPropagationIsExact(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for name, tt := range map[string]struct {
		flags  int
		volume string // the kind of a bound mount
	}{
		"default":    {0, "slave"},
		"rslave":     {unix.MS_SLAVE | unix.MS_REC, "slave"},
		"rprivate":   {unix.MS_PRIVATE | unix.MS_REC, "private"},
		"slave":      {unix.MS_SLAVE, "shared"},
		"private":    {unix.MS_PRIVATE, "shared"},
		"unbindable": {unix.MS_UNBINDABLE, "shared"},
		"shared":     {unix.MS_SHARED, "shared"},
		"rshared":    {unix.MS_SHARED | unix.MS_REC, "shared"},
	} {
		for _, noPivot := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", no pivot"}[noPivot], func(t *testing.T) {
				config := newConfig(t)
				config.RootPropagation, config.NoPivotRoot = tt.flags, noPivot
				top := filepath.Dir(config.Rootfs)
				hostMount(t, top, top, "", unix.MS_BIND)
				volume := mkdir(t, top, "volume")
				hostMount(t, "tmpfs", volume, "tmpfs", 0)
				hostMount(t, "tmpfs", mkdir(t, volume, "sub"), "tmpfs", 0)
				addMount(config, bindOn(volume, "/mnt", unix.MS_REC))
				container := newContainer(t, config)
				before := lines(t, "/proc/self/mountinfo")
				p, release := startBlocked(t, container)
				pid, err := p.Pid()
				if err != nil {
					t.Fatal(err)
				}
				for _, point := range []string{"/mnt", "/mnt/sub"} {
					got := kind(t, pid, point)
					if got == "shared slave" { // of its own, below the host's
						got = "shared"
					}
					if got != tt.volume {
						t.Errorf("%s is %q, want %q", point, got, tt.volume)
					}
				}
				if after := lines(t, "/proc/self/mountinfo"); !slices.Equal(before, after) {
					t.Errorf("the host's mounts changed: more %q, less %q", added(before, after), added(after, before))
				}
				release()
				if after := lines(t, "/proc/self/mountinfo"); !slices.Equal(before, after) {
					t.Errorf("the host's mounts changed at the end: more %q, less %q", added(before, after), added(after, before))
				}
			})
		}
	}
}

// The root file system can be a directory of the mount that becomes unbindable.
func TestUnbindableRoot(t *testing.T) {
	for _, flags := range []int{unix.MS_UNBINDABLE, unix.MS_UNBINDABLE | unix.MS_REC} {
		config := newConfig(t)
		config.RootPropagation = flags
		config.Cgroups.Name += itoa(flags)
		p, _ := startBlocked(t, newContainer(t, config))
		pid, err := p.Pid()
		if err != nil {
			t.Fatal(err)
		}
		if got := kind(t, pid, "/"); got != "unbindable" {
			t.Errorf("with %#x the root is %q", flags, got)
		}
		if got, want := kind(t, pid, "/proc"), map[bool]string{true: "unbindable", false: "private"}[flags&unix.MS_REC != 0]; got != want {
			t.Errorf("with %#x /proc is %q, want %q", flags, got, want)
		}
	}
}
