//world:one

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// confined allows what a shell of busybox needs, and not more.
func confined(more ...configs.LandlockPath) *configs.Landlock {
	return &configs.Landlock{Paths: append([]configs.LandlockPath{
		{Path: "/bin", Access: configs.LandlockReadOnly},
		{Path: "/dev", Access: configs.LandlockDevices},
		{Path: "/proc", Access: configs.LandlockReadOnly},
	}, more...)}
}

// try is a script that tells of each command whether it works.
func try(commands ...string) string {
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "if ( %s ) >/dev/null 2>&1; then echo 'may %s'; else echo 'may not %s'; fi\n", c, c, c)
	}
	return script.String()
}

func TestLandlock(t *testing.T) {
	const may, mayNot = "may ", "may not "
	want := []string{
		may + "ls /bin", mayNot + "ls /", mayNot + "cat /etc/passwd", may + "cat /etc/group",
		may + "echo x >/work/new", may + "mkdir /work/dir", may + "mv /work/new /work/dir", may + "rm -r /work/dir",
		mayNot + "echo x >/etc/group", mayNot + "mkdir /etc/dir", mayNot + "rm /etc/group", mayNot + "ln -s x /etc/link",
		may + "cat /proc/self/status", may + "echo x >/dev/null", mayNot + "/work/program", mayNot + "mount -t tmpfs x /work",
	}
	var commands []string
	for _, line := range want {
		commands = append(commands, strings.TrimPrefix(strings.TrimPrefix(line, mayNot), may))
	}
	for name, edit := range map[string]func(*configs.Config){
		"root":              func(*configs.Config) {},
		"no new privileges": func(c *configs.Config) { c.NoNewPrivileges = true },
		"without filter":    func(c *configs.Config) { c.DefaultSeccomp = false; c.Seccomp = nil },
		"privileged": func(c *configs.Config) {
			c.NoNewPrivileges = false
			c.Capabilities = append(c.Capabilities, "CAP_SYS_ADMIN")
		},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			edit(config)
			if err := os.Mkdir(filepath.Join(config.Rootfs, "work"), 0o755); err != nil {
				t.Fatal(err)
			}
			config.Mounts = append(config.Mounts, &configs.Mount{Source: "tmpfs", Destination: "/work", Device: "tmpfs", Data: "mode=1777"})
			config.Landlock = confined(
				configs.LandlockPath{Path: "/etc/group", Access: configs.LandlockReadWrite &^ configs.LandlockWriteFile},
				configs.LandlockPath{Path: "/work", Access: configs.LandlockReadWrite &^ configs.LandlockExecute},
			)
			c := newInstance(t, config)
			for _, kind := range []string{"first process", "further process"} {
				if kind == "further process" {
					startBlocked(t, c)
				}
				p, out := shell("cp /bin/busybox /work/program; " + try(commands...) + "rm -f /work/program")
				r := mustRun(t, c, p)
				got := strings.Split(strings.TrimSpace(out.stdout.String()), "\n")
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%s: %+v\n got %q\nwant %q\nstderr %s", kind, r, got, want, out.stderr.String())
				}
			}
		})
	}
}

// The network and what is outside are denied, too.
func TestLandlockScopes(t *testing.T) {
	checkLeaks(t)
	config := newConfig(t)
	config.Namespaces.Remove(configs.NEWPID)
	config.Landlock = confined()
	config.Landlock.TCP = &configs.LandlockTCP{Bind: []uint16{8080}, Connect: []uint16{8080}}
	config.Landlock.NoSignals, config.Landlock.NoAbstractSockets = true, true
	c := newInstance(t, config)
	_, release := startBlocked(t, c)
	defer release()
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	outside := fmt.Sprintf("kill -0 %d", state.InitProcessPid)
	p, out := shell(try(
		"nc -l -p 8080 -w 1 & sleep 0; kill $!", "timeout 1 nc -l -p 9090; [ $? = 143 ]",
		outside, "kill -0 $$",
	) + "nc 127.0.0.1 9090 2>&1; nc 127.0.0.1 8080 2>&1")
	mustRun(t, c, p)
	text := out.stdout.String()
	for _, want := range []string{"may kill -0 $$", "may not " + outside, "may not timeout 1 nc -l -p 9090",
		"nc: can't connect to remote host (127.0.0.1): Permission denied", "nc: can't connect to remote host (127.0.0.1): Connection refused"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in what it says:\n%s", want, text)
		}
	}
}

func TestLandlockFails(t *testing.T) {
	checkLeaks(t)
	for name, test := range map[string]struct {
		landlock *configs.Landlock
		says     []string
	}{
		"program": {&configs.Landlock{Paths: []configs.LandlockPath{{Path: "/proc", Access: configs.LandlockReadOnly}}},
			[]string{"Landlock.Paths must allow to execute it"}},
		"missing path": {confined(configs.LandlockPath{Path: "/nosuch", Access: configs.LandlockReadOnly}),
			[]string{"Landlock: open /nosuch", "must be there"}},
		"relative":       {confined(configs.LandlockPath{Path: "work", Access: configs.LandlockReadOnly}), []string{"Landlock.Paths[3].Path"}},
		"nothing":        {confined(configs.LandlockPath{Path: "/work"}), []string{"Landlock.Paths[3].Access allows nothing"}},
		"unknown right":  {&configs.Landlock{Denied: 1 << 40}, []string{"Landlock.Denied", "0x10000000000"}},
		"not denied":     {&configs.Landlock{Denied: 1, Paths: []configs.LandlockPath{{Path: "/", Access: 2}}}, []string{"Landlock.Paths[0].Access", "does not deny"}},
		"unknown access": {confined(configs.LandlockPath{Path: "/work", Access: 1 << 20}), []string{"Landlock.Paths[3].Access", "0x100000"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.DefaultSeccomp, config.Seccomp = false, nil // after a filter nothing can be told
			config.Landlock = test.landlock
			container, err := newFactory(t).Create("a", config)
			if err == nil {
				defer container.Destroy()
				p, _ := shell("true")
				err = container.Start(p)
			}
			checkError(t, err, libcontainer.ConfigInvalid, test.says...)
		})
	}
}

// A link in the container leads to nothing outside of it.
func TestLandlockThroughALink(t *testing.T) {
	checkLeaks(t)
	config := newConfig(t)
	if err := os.Symlink("/../../etc", filepath.Join(config.Rootfs, "link")); err != nil {
		t.Fatal(err)
	}
	config.Landlock = confined(configs.LandlockPath{Path: "/link", Access: configs.LandlockReadOnly})
	if got := runShell(t, config, try("cat /etc/passwd", "ls /")); got != "may cat /etc/passwd\nmay not ls /" {
		t.Errorf("got %q", got)
	}
}

// Criu would give back processes that nothing is denied.
func TestLandlockIsNotCheckpointed(t *testing.T) {
	config := newConfig(t)
	config.Landlock = confined()
	c := startCounting(t, config)
	err := c.CheckpointContext(t.Context(), &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images")})
	checkError(t, err, libcontainer.SystemError, "Landlock")
	c.goesOn(t)
}
