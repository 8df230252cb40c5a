//world:any

package integration

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// restricted gives a mount of the host that restricts all that a mount can.
func restricted(t *testing.T) string {
	t.Helper()
	dir := publicTempDir(t)
	hostMount(t, "tmpfs", dir, "tmpfs", 0)
	write(t, "text", dir, "file")
	mkdir(t, dir, "sub")
	hostMount(t, "tmpfs", dir+"/sub", "tmpfs", unix.MS_NOEXEC|unix.MS_NOSUID)
	const all = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|all, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Options such as rw, exec and suid take away what the source has.
func TestFlagsThatABindClears(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for name, tt := range map[string]struct {
		set, clear int
		want       []string
	}{
		"nothing":    {0, 0, []string{"ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"}},
		"rw":         {0, unix.MS_RDONLY, []string{"rw", "nosuid", "nodev", "noexec", "noatime"}},
		"exec, suid": {0, unix.MS_NOEXEC | unix.MS_NOSUID, []string{"ro", "!nosuid", "nodev", "!noexec", "noatime"}},
		"dev":        {0, unix.MS_NODEV, []string{"ro", "nosuid", "!nodev", "noexec"}},
		"atime":      {0, unix.MS_NOATIME, []string{"ro", "relatime", "!noatime", "nodiratime"}},
		"diratime":   {0, unix.MS_NODIRATIME, []string{"noatime", "!nodiratime"}},
		"strictatime instead": {unix.MS_STRICTATIME, unix.MS_NOATIME | unix.MS_NODIRATIME,
			[]string{"ro", "!noatime", "!relatime", "!nodiratime"}},
		"one for another": {unix.MS_NOSYMFOLLOW, unix.MS_RDONLY | unix.MS_NOEXEC, []string{"rw", "!noexec", "nosymfollow", "nosuid"}},
		"all": {0, unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME,
			[]string{"rw", "!nosuid", "!nodev", "!noexec", "relatime", "!nodiratime"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := restricted(t)
			config := newConfig(t)
			m := bindOn(source, "/mnt", unix.MS_REC|tt.set)
			m.FlagsClear = tt.clear
			addMount(config, m)
			wantOptions(t, runShell(t, config, mountLine("/mnt")), tt.want...)
			// What is mounted below is another mount, and the host's is not changed.
			wantOptions(t, runShell(t, config, mountLine("/mnt/sub")), "rw", "nosuid", "noexec", "!nodev")
			var st unix.Statfs_t
			if err := unix.Statfs(source, &st); err != nil {
				t.Fatal(err)
			}
			if st.Flags&unix.ST_RDONLY == 0 || st.Flags&unix.ST_NOEXEC == 0 || st.Flags&unix.ST_NOSUID == 0 {
				t.Errorf("the host's mount has the flags %#x now", st.Flags)
			}
		})
	}
}

// bind,remount sets exactly its flags, as mount(2).
func TestRemountOfABindSetsItsFlags(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for name, tt := range map[string]struct {
		flags int
		want  []string
	}{
		"none":         {0, []string{"rw", "!nosuid", "!nodev", "!noexec", "noatime"}}, // that stays, as with mount(2)
		"one":          {unix.MS_NOSUID, []string{"rw", "nosuid", "!nodev", "!noexec"}},
		"ro, noexec":   {unix.MS_RDONLY | unix.MS_NOEXEC, []string{"ro", "!nosuid", "!nodev", "noexec"}},
		"and noatime":  {unix.MS_NODEV | unix.MS_NOATIME, []string{"rw", "nodev", "!nosuid", "noatime"}},
		"and the rest": {unix.MS_NOSYMFOLLOW | unix.MS_STRICTATIME, []string{"rw", "nosymfollow", "!noatime", "!relatime"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			addMount(config, bindOn(restricted(t), "/mnt", 0))
			addMount(config, configs.Mount{Destination: "/mnt", Device: "bind", Flags: unix.MS_BIND | unix.MS_REMOUNT | tt.flags})
			wantOptions(t, runShell(t, config, mountLine("/mnt")), tt.want...)
		})
	}
}
