//world:any

package integration

import (
	"bufio"
	"context"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"

	"golang.org/x/sys/unix"
)

// withEvilProgram gives a configuration whose image has programs that are what init is:
// a link to /proc/self/exe, and a script with that interpreter; a loader of its own for
// what init may be linked to, and a program that the loader becomes.
func withEvilProgram(t *testing.T) *configs.Config {
	t.Helper()
	config := newUnfilteredConfig(t)
	link(t, "/proc/self/exe", config.Rootfs, "bin/evil-link")
	script := write(t, "#!/proc/self/exe\n", config.Rootfs, "bin/evil-script")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	install := func(program, path string) {
		mkdir(t, config.Rootfs, filepath.Dir(path))
		if err := os.Link(buildProgram(t, program), filepath.Join(config.Rootfs, path)); err != nil {
			t.Fatal(err)
		}
	}
	install("holder", "bin/holder")
	if path := dynamicLoader(t); path != "" {
		install("loader", path)
	}
	return config
}

// dynamicLoader gives the loader that this very program asks for.
func dynamicLoader(t *testing.T) string {
	t.Helper()
	self, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	for _, p := range self.Progs {
		if p.Type == elf.PT_INTERP {
			path, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimRight(string(path), "\x00")
		}
	}
	return ""
}

// attackInit lets a container run init's program as its own, and do something to it.
// Meanwhile, and afterwards, other containers must start.
func attackInit(t *testing.T, how string) {
	t.Helper()
	if tested.Classic() && how != "chmod" {
		t.Skip("all starts of a classic init share its program, as ClassicInit says")
	}
	if !runAgain(t, "env") { // the harm would last as long as this program
		return
	}
	for _, program := range []string{"/bin/evil-link", "/bin/evil-script"} {
		for _, kind := range []string{"first", "further"} {
			t.Run(program[len("/bin/"):]+" "+kind, func(t *testing.T) {
				config := withEvilProgram(t)
				container := newContainer(t, config)
				if kind == "further" {
					startBlocked(t, container)
				}
				said := runEvil(t, container, program, how)
				t.Logf("it said %q", said)
				if strings.Contains(said, how+" works") || strings.Contains(said, "writing works") || strings.Contains(said, "lease works") {
					t.Errorf("the container holds the program of init: %q", said)
				}
				wantOthersToStart(t, container, kind == "further")
			})
		}
	}
}

// runEvil starts a program that may hold something until the test ends, and gives what
// it said until then.
func runEvil(t *testing.T, container libcontainer.Container, args ...string) (said string) {
	t.Helper()
	stdin, hold := pipe(t)
	stdout, say := pipe(t)
	p := &libcontainer.Process{Args: args, Env: []string{defaultEnv}, Stdin: stdin, Stdout: say}
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := linux(container).StartContext(bounded, p)
	stdin.Close()
	say.Close()
	if err != nil {
		t.Logf("it does not start: %v", err)
		return ""
	}
	t.Cleanup(func() {
		hold.Close()
		_, _ = p.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "holding" {
		said += lines.Text() + "\n"
	}
	return said
}

// wantOthersToStart checks that this program can start further containers and
// processes, and another program, too.
func wantOthersToStart(t *testing.T, container libcontainer.Container, running bool) {
	t.Helper()
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	config := newUnfilteredConfig(t)
	config.Cgroups.Name += "-other"
	other, err := newFactory(t).Create("other", config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	run := func(what string, c libcontainer.Container) {
		p, out := shell("echo works")
		if err := linux(c).StartContext(bounded, p); err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		if _, err := p.Wait(); err != nil || out.stdout.String() != "works\n" {
			t.Errorf("%s: output %q, error %v", what, out.stdout.String(), err)
		}
	}
	run("another container", other)
	if running {
		run("another process in the container", container)
	}
}

func TestSelfExeClosedByChmod(t *testing.T) { attackInit(t, "chmod") }

func TestSelfExeHeldForWriting(t *testing.T) { attackInit(t, "write") }

func TestSelfExeHeldByALease(t *testing.T) { attackInit(t, "lease") }

// Not even who can read all of its init finds the host's program there.
func TestHostsProgramIsNotInTheContainer(t *testing.T) {
	if tested.Classic() {
		t.Skip("the classic init is the host's program")
	}
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newContainerIn(t, newUnfilteredConfig(t))
	p, _ := command("true")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	init, err := os.Stat("/proc/" + itoa(pid) + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	if init.Size() > self.Size()/10 {
		t.Errorf("init is a program of %d bytes, that of the host has %d", init.Size(), self.Size())
	}
	maps := string(mustRead(t, "/proc/"+itoa(pid)+"/maps"))
	if path, _ := os.Executable(); strings.Contains(maps, path) {
		t.Errorf("init has the host's program mapped:\n%s", maps)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
}

// What init is made of cannot be changed by who gets hold of it, nor is it that of
// another container.
func TestImageOfInitIsSealedAndItsOwn(t *testing.T) {
	var images []os.FileInfo
	for range 2 {
		c, _ := newContainerIn(t, newUnfilteredConfig(t))
		p, _ := command("true")
		if err := c.Prepare(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		pid, err := p.Pid()
		if err != nil {
			t.Fatal(err)
		}
		exe, err := os.Open("/proc/" + itoa(pid) + "/exe")
		if err != nil {
			t.Fatal(err)
		}
		defer exe.Close()
		wantSealed(t, exe)
		info, err := exe.Stat()
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, info)
		if err := c.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, _ = p.Wait()
	}
	if os.SameFile(images[0], images[1]) && !tested.Classic() {
		t.Error("two containers share the program of their inits")
	}
}

// wantSealed checks that a file's content can never change: it is sealed, see
// memfd_create(2), or nobody can write to it.
func wantSealed(t *testing.T, f *os.File) {
	t.Helper()
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	const want = unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if err != nil || seals&want != want {
		t.Errorf("the program of init has the seals %#x, error %v; want %#x", seals, err, want)
	}
}
