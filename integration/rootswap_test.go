//world:any

package integration

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// The root file system is the directory that Create has seen, and no link that somebody
// has put in its place or in that of a directory above.
func TestRootfsThatBecomesALink(t *testing.T) {
	for name, at := range map[string]string{"the directory": "above/rootfs", "the one above": "above", "far above": "top"} {
		t.Run(name, func(t *testing.T) { becomesALink(t, at, false) })
		// Root of the user namespace has no way there, and the host opens it.
		t.Run(name+", below a closed directory", func(t *testing.T) { becomesALink(t, at, true) })
	}
}

func becomesALink(t *testing.T, at string, closed bool) {
	dir := publicTempDir(t)
	real := filepath.Join(dir, "top/above/rootfs")
	mkdir(t, filepath.Dir(real))
	config := newConfig(t)
	if err := os.Rename(config.Rootfs, real); err != nil {
		t.Fatal(err)
	}
	config.Rootfs = real
	if closed {
		withUserNS(t, config, 100000)
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	container := newContainer(t, config)
	swapped := filepath.Join(dir, "top", at)
	if at == "top" {
		swapped = filepath.Join(dir, "top")
	}
	rest := strings.TrimPrefix(real, swapped)
	// What takes its place has all that a container needs, and is the host's.
	victim := newRootfs(t)
	mkdir(t, dir, "evil")
	write(t, "of the host", victim, "marker")
	target := filepath.Join(dir, "evil")
	if rest == "" {
		target = victim
	} else {
		mkdir(t, target+filepath.Dir(rest))
		if err := os.Rename(victim, target+rest); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(swapped, filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	link(t, target, swapped)
	p, out := shell("cat /marker")
	if err := container.Start(p); err == nil {
		_, _ = p.Wait()
		t.Errorf("the container runs in what a link leads to: %q", out.stdout.String())
	} else if !strings.Contains(err.Error(), real) {
		t.Errorf("error %q does not name the root file system", err)
	}
}

// The same while it is exchanged again and again: each start is in the right one, or
// fails.
func TestRootfsRace(t *testing.T) {
	config := newConfig(t)
	victim := newRootfs(t)
	write(t, "of the host", victim, "marker")
	other := filepath.Join(filepath.Dir(config.Rootfs), "link")
	link(t, victim, other)
	container := newContainer(t, config)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exchanged := make(chan error, 1)
	go func() { exchanged <- exchange(ctx, config.Rootfs, other) }()
	started := 0
	for range lives(t, 60) {
		p, out := shell("cat /marker 2>/dev/null")
		if err := container.Start(p); err != nil {
			continue // whatever the way there was at that moment
		}
		started++
		_, _ = p.Wait()
		if out.stdout.Len() > 0 {
			t.Fatalf("a container ran in the wrong root: %q", out.stdout.String())
		}
	}
	stop()
	if err := <-exchanged; err != nil {
		t.Error(err)
	}
	t.Logf("%d containers started", started)
	// The cleanup wants to find the directory.
	if info, err := os.Lstat(config.Rootfs); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if err := unix.Renameat2(unix.AT_FDCWD, config.Rootfs, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE); err != nil {
			t.Error(err)
		}
	}
}

// An unprivileged user namespace in a container can mount procfs and sysfs only as far
// as the container sees them: nothing of the host's, where nothing is masked, may lie
// below.
func TestBareProcCannotBeMounted(t *testing.T) {
	for _, noPivot := range []bool{false, true} {
		t.Run(map[bool]string{false: "pivot", true: "no pivot"}[noPivot], func(t *testing.T) {
			config := newUnfilteredConfig(t) // the default profile lets nobody make such a namespace
			config.NoPivotRoot = noPivot
			got := runShell(t, config, `
				unshare -U -r true 2>/dev/null || echo no user namespaces
				unshare -U -r -m -p -f mount -t proc proc /mnt 2>/dev/null && echo proc
				unshare -U -r -m -n mount -t sysfs sysfs /mnt 2>/dev/null && echo sysfs
				true`)
			if got == "no user namespaces" {
				t.Skip("this machine has no unprivileged user namespaces")
			}
			wantOutput(t, got, "")
		})
	}
}

// A process of the container is not its init because it is named like that.
func TestProcessNamedLikeInit(t *testing.T) {
	// What init is called is learned from one that waits.
	c, _ := newContainerIn(t, newConfig(t))
	p, _ := command("true")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Readlink("/proc/" + itoa(pid) + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	comm := strings.TrimSpace(string(mustRead(t, "/proc/"+itoa(pid)+"/comm")))
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()

	path := strings.TrimSuffix(exe, " (deleted)")
	for name, args := range map[string][]string{
		// A file that is removed while it runs has " (deleted)" behind its path.
		"a removed file": {path, "look", "0", "/nothing", "any"},
		"its name":       {"/bin/sh", "-c", `echo "$1" >/proc/self/comm; echo ready; cat`, "sh", comm},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			file := filepath.Join(config.Rootfs, path)
			mkdir(t, filepath.Dir(file))
			if err := os.Link(buildProgram(t, "hunter"), file); err != nil {
				t.Fatal(err)
			}
			c, root := newContainerIn(t, config)
			stdin, hold := pipe(t)
			stdout, say := pipe(t)
			p := &libcontainer.Process{Args: args, Env: []string{defaultEnv}, Stdin: stdin, Stdout: say}
			if err := c.Start(p); err != nil {
				t.Fatal(err)
			}
			stdin.Close()
			say.Close()
			lines := bufio.NewScanner(stdout)
			if !lines.Scan() || lines.Text() != "ready" {
				t.Fatalf("the container said %q", lines.Text())
			}
			remove(t, file)
			if pid, err := p.Pid(); err != nil {
				t.Error(err)
			} else if got, err := os.Readlink("/proc/" + itoa(pid) + "/exe"); args[0] == path && got != path+" (deleted)" {
				t.Errorf("the program is %q, error %v; want %q", got, err, path+" (deleted)")
			}
			for who, handle := range map[string]libcontainer.LinuxContainer{"handle": c, "loaded handle": loadAgain(t, c, root)} {
				wantStatus(t, handle, libcontainer.Running)
				q, out := shell("echo works")
				if err := handle.Start(q); err != nil {
					t.Errorf("exec by the %s: %v", who, err)
					continue
				}
				if _, err := q.Wait(); err != nil || out.stdout.String() != "works\n" {
					t.Errorf("exec by the %s: %q, %v", who, out.stdout.String(), err)
				}
			}
			hold.Close()
			_, _ = p.Wait()
		})
	}
}
