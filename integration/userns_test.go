//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestUserNamespaceMappings(t *testing.T) {
	single := []configs.IDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	split := []configs.IDMap{{ContainerID: 0, HostID: 100000, Size: 10}, {ContainerID: 10, HostID: 300000, Size: 60000}}
	for name, maps := range map[string][]configs.IDMap{"single": single, "split": split} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			withUserNS(t, config, 0)
			config.UidMappings, config.GidMappings = maps, maps
			// Below a directory that everybody may write to.
			if err := os.Chmod(filepath.Join(config.Rootfs, "tmp"), 0o1777); err != nil {
				t.Fatal(err)
			}
			p, out := shell("awk '{print $1, $2, $3}' /proc/self/uid_map /proc/self/gid_map; id -u; touch /tmp/made")
			p.User = "12:34"
			var want []string
			for range 2 {
				for _, m := range maps {
					want = append(want, strings.Join([]string{itoa(m.ContainerID), itoa(m.HostID), itoa(m.Size)}, " "))
				}
			}
			if got := runProcess(t, config, p, out); got != strings.Join(append(want, "12"), "\n") {
				t.Errorf("inside %q, want %q", got, want)
			}
			st, err := os.Stat(filepath.Join(config.Rootfs, "tmp/made"))
			if err != nil {
				t.Fatal(err)
			}
			uid, err := config.HostUIDFor(12)
			if err != nil {
				t.Fatal(err)
			}
			gid, err := config.HostGIDFor(34)
			if err != nil {
				t.Fatal(err)
			}
			if sys := st.Sys().(*syscall.Stat_t); int(sys.Uid) != uid || int(sys.Gid) != gid {
				t.Errorf("on the host the file belongs to %d:%d, want %d:%d", sys.Uid, sys.Gid, uid, gid)
			}
		})
	}
}

func TestUserNamespaceErrors(t *testing.T) {
	noRoot := []configs.IDMap{{ContainerID: 1, HostID: 100000, Size: 10}}
	for name, tt := range map[string]struct {
		edit func(*configs.Config)
		text string
	}{
		"no mappings":  {func(c *configs.Config) { c.UidMappings, c.GidMappings = nil, nil }, "UidMappings"},
		"overlap":      {func(c *configs.Config) { c.UidMappings = append(c.UidMappings, c.UidMappings[0]) }, "UidMappings"},
		"no namespace": {func(c *configs.Config) { c.Namespaces.Remove(configs.NEWUSER) }, "NEWUSER"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			withUserNS(t, config, 100000)
			tt.edit(config)
			createFails(t, config, tt.text)
		})
	}
	t.Run("root is not mapped", func(t *testing.T) {
		config := newConfig(t)
		withUserNS(t, config, 100000)
		config.UidMappings, config.GidMappings = noRoot, noRoot
		checkLeaks(t)
		container, err := newFactory(t).Create("test", config)
		if err != nil {
			return // refused at once: as good
		}
		defer container.Destroy()
		p, _ := shell("true")
		if err := container.Start(p); err == nil {
			t.Error("start succeeded")
		}
	})
}
