//world:any

package integration

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// closedDir makes a directory that the root of a container's user namespace cannot
// enter.
func closedDir(t *testing.T) string {
	t.Helper()
	dir := mkdir(t, publicTempDir(t), "closed")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The host opens what it binds: nobody else needs the way there.
func TestBindSourceBelowAClosedDirectory(t *testing.T) {
	for name, edit := range map[string]func(m *configs.Mount){
		"plain":     func(*configs.Mount) {},
		"recursive": func(m *configs.Mount) { m.Flags |= unix.MS_REC },
		"read-only": func(m *configs.Mount) { m.Flags |= unix.MS_RDONLY },
	} {
		t.Run(name, func(t *testing.T) {
			dir := closedDir(t)
			file := write(t, "text", dir, "volume/file")
			config := newConfig(t)
			withUserNS(t, config, 100000)
			withPlaces(t, config, "mnt/dir")
			write(t, "", config.Rootfs, "mnt/file")
			for source, destination := range map[string]string{dir + "/volume": "/mnt/dir", file: "/mnt/file"} {
				m := bindOn(source, destination, 0)
				edit(&m)
				addMount(config, m)
			}
			wantOutput(t, runShell(t, config, "cat /mnt/dir/file /mnt/file"), "texttext")
		})
	}
}

// The same for the root file system.
func TestRootfsBelowAClosedDirectory(t *testing.T) {
	for _, noPivot := range []bool{false, true} {
		t.Run(map[bool]string{false: "pivot", true: "no pivot"}[noPivot], func(t *testing.T) {
			config := newConfig(t)
			moved := closedDir(t) + "/rootfs"
			if err := os.Rename(config.Rootfs, moved); err != nil {
				t.Fatal(err)
			}
			config.Rootfs, config.NoPivotRoot = moved, noPivot
			withUserNS(t, config, 100000)
			container := newContainer(t, config)
			startBlocked(t, container)
			wantOutput(t, execShell(t, container, "id -u; ls -d /etc/passwd"), "0\n/etc/passwd")
		})
	}
}
