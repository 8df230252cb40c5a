package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// crashed is a container as a program that died has left it.
type crashed struct {
	t       *testing.T
	c       libcontainer.LinuxContainer
	dir     string // of its state
	release func() // ends its init
}

// edit changes its state file.
func (c *crashed) edit(edit func(map[string]any)) { editState(c.t, c.dir, edit) }

func (c *crashed) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// destroyAllBut keeps the directory and, if so, the state file, of a container
// that is otherwise gone.
func (c *crashed) destroyAllBut(keepState bool) {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, "state.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.c.Destroy(); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	if keepState {
		c.write("state.json", string(data))
	}
}

// What a program leaves that dies at some point of a container's life can be
// loaded, destroyed, and the id used again.
func TestEveryStateOfACrash(t *testing.T) {
	for name, tt := range map[string]struct {
		leave func(*crashed)
		want  libcontainer.Status
	}{
		"claimed": {func(c *crashed) { c.destroyAllBut(false) }, libcontainer.Created},
		"half a first state": {func(c *crashed) {
			c.destroyAllBut(false)
			c.write("state.json.new", `{"id":"te`)
		}, libcontainer.Created},
		"planned, nothing made": {func(c *crashed) {
			c.destroyAllBut(true)
			c.edit(func(s map[string]any) { s["init_process_pid"], s["init_process_start"] = 0, "" })
		}, libcontainer.Created},
		"cgroups made, no process yet": {func(c *crashed) {
			c.release()
			c.edit(func(s map[string]any) { s["init_process_pid"], s["init_process_start"] = 0, "" })
		}, libcontainer.Created},
		"some cgroups": {func(c *crashed) {
			state, err := c.c.State()
			if err != nil {
				c.t.Fatal(err)
			}
			c.release()
			for _, dir := range state.CgroupPaths {
				if err := os.Remove(dir); err != nil && !os.IsNotExist(err) { // systemd may be faster
					c.t.Fatal(err)
				}
				break
			}
		}, libcontainer.Destroyed},
		"a process that is not recorded": {func(c *crashed) {
			c.edit(func(s map[string]any) { s["init_process_pid"], s["init_process_start"] = 0, "" })
		}, libcontainer.Created},
		"running":                         {func(*crashed) {}, libcontainer.Running},
		"half a state beside a whole one": {func(c *crashed) { c.write("state.json.new", `{"id":"te`) }, libcontainer.Running},
		"paused": {func(c *crashed) {
			if err := c.c.Pause(); err != nil {
				c.t.Fatal(err)
			}
		}, libcontainer.Paused},
		"ended": {func(c *crashed) { c.release() }, libcontainer.Destroyed},
		"rootfs gone": {func(c *crashed) {
			c.edit(func(s map[string]any) { s["config"].(map[string]any)["rootfs"] = "/no/such" })
		}, libcontainer.Running},
		"all but state": {func(c *crashed) { c.destroyAllBut(true) }, libcontainer.Destroyed},
		"socket that nobody serves": {func(c *crashed) {
			dir, err := os.Open(c.dir) // a socket's address is short, see unix(7)
			if err != nil {
				c.t.Fatal(err)
			}
			defer dir.Close()
			name := fmt.Sprintf("/proc/self/fd/%d/release.sock", dir.Fd())
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
			if err != nil {
				c.t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}, libcontainer.Running},
		"half removed": {func(c *crashed) {
			c.destroyAllBut(false)
			c.write("netns", "")
		}, libcontainer.Created},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			c, root := newContainerIn(t, config)
			_, release := startBlocked(t, c)
			tt.leave(&crashed{t: t, c: c, dir: filepath.Join(root, "test"), release: release})
			factory, err := newFactoryIn(root)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := factory.Load("test")
			if err != nil {
				t.Fatal(err)
			}
			wantStatus(t, loaded, tt.want)
			if err := loaded.Destroy(); err != nil {
				t.Fatal(err)
			}
			if ids := list(t, root); len(ids) != 0 {
				t.Errorf("left: %v", ids)
			}
			if err := shortLife(factory, "test", config.Rootfs); err != nil {
				t.Errorf("the id again: %v", err)
			}
		})
	}
}

// The pid of a dead init may have become that of somebody else.
func TestStrangerWithThePidOfInit(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	stranger, stdin := strangerTo(t, c)
	editState(t, filepath.Join(root, "test"), func(s map[string]any) { s["init_process_pid"] = stranger.Process.Pid })
	loaded := loadAgain(t, c, root)
	wantStatus(t, loaded, libcontainer.Destroyed)
	if err := loaded.Destroy(); err != nil {
		t.Error(err)
	}
	stdin.Close()
	if err := stranger.Wait(); err != nil {
		t.Errorf("the stranger: %v", err)
	}
}

// strangerTo starts a process that is not of a container. It ends when what is
// returned is closed. Its time of start is another than that of the container's init,
// which the kernel tells in ticks: a process of the same tick with the same pid is none
// that a state could tell apart, and none that a machine could have.
func strangerTo(t *testing.T, c libcontainer.LinuxContainer) (*exec.Cmd, io.Closer) {
	t.Helper()
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	for {
		stranger := exec.Command("cat")
		stdin, err := stranger.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := stranger.Start(); err != nil {
			t.Fatal(err)
		}
		stat, err := pidfd.ReadStat(stranger.Process.Pid)
		if err == nil && stat.StartTime != state.InitProcessStartTime {
			return stranger, stdin
		}
		stdin.Close()
		if waitErr := stranger.Wait(); err != nil || waitErr != nil {
			t.Fatal(err, waitErr)
		}
	}
}
