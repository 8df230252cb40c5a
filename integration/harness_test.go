package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// cgroupParent is where all cgroups of this test run are, in every hierarchy.
var cgroupParent = tested.Parent(os.Getpid())

const defaultEnv = "PATH=/usr/bin:/bin:/usr/sbin:/sbin"

// newRootfs makes a root file system of the test's own. The big file in it is a
// hard link.
func newRootfs(t *testing.T) string {
	t.Helper()
	dir := publicTempDir(t)
	rootfs := filepath.Join(dir, "rootfs")
	if out, err := exec.Command("cp", "-a", "--link", baseRootfs, rootfs).CombinedOutput(); err != nil {
		t.Fatalf("copy root file system: %v: %s", err, out)
	}
	return rootfs
}

// publicTempDir makes a temporary directory that others can enter, as container
// root of a user namespace must.
func publicTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(baseRootfs), strings.NewReplacer("/", "_").Replace(t.Name())+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's directory: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newConfig gives the library's default configuration on a root file system of
// the test's own.
func newConfig(t *testing.T) *configs.Config {
	t.Helper()
	return configFor(newRootfs(t), t.Name())
}

// newUnfilteredConfig is for tests with an attacker inside: what keeps him out must do so by
// itself, and not because the default profile refuses a system call of his.
func newUnfilteredConfig(t *testing.T) *configs.Config {
	t.Helper()
	config := newConfig(t)
	config.DefaultSeccomp = false
	return config
}

func configFor(rootfs, name string) *configs.Config {
	config := configs.Default()
	config.Rootfs = rootfs
	config.Cgroups.Name = "c-" + strings.Map(func(r rune) rune {
		if strings.ContainsRune("/ #,=:'\"", r) {
			return '_'
		}
		return r
	}, name)
	config.Cgroups.Parent = cgroupParent
	return config
}

// withUserNS gives the configuration a user namespace whose ids start at base.
func withUserNS(t *testing.T, config *configs.Config, base int) {
	t.Helper()
	config.Namespaces.Add(configs.NEWUSER, "")
	config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: base, Size: 65536}}
	config.GidMappings = []configs.IDMap{{ContainerID: 0, HostID: base, Size: 65536}}
}

func newFactory(t *testing.T, options ...func(*libcontainer.LinuxFactory) error) libcontainer.Factory {
	t.Helper()
	factory, err := newFactoryIn(filepath.Join(publicTempDir(t), "state"), options...)
	if err != nil {
		t.Fatal(err)
	}
	return factory
}

// newFactoryIn makes a factory whose manager of cgroups is the one that this test
// run is about.
func newFactoryIn(root string, options ...func(*libcontainer.LinuxFactory) error) (libcontainer.Factory, error) {
	return libcontainer.New(root, append([]func(*libcontainer.LinuxFactory) error{tested.Manager}, options...)...)
}

// newContainer creates a container that is destroyed, and checked for leaks, when
// the test ends.
func newContainer(t *testing.T, config *configs.Config) libcontainer.Container {
	t.Helper()
	checkLeaks(t)
	container, err := newFactory(t).Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	return container
}

// output collects what a process writes.
type output struct {
	stdout, stderr bytes.Buffer
}

// shell returns a process that runs a script of the container's /bin/sh.
func shell(script string) (*libcontainer.Process, *output) {
	return command("/bin/sh", "-c", script)
}

func command(args ...string) (*libcontainer.Process, *output) {
	out := new(output)
	return &libcontainer.Process{
		Args:   args,
		Env:    []string{defaultEnv},
		Stdout: &out.stdout,
		Stderr: &out.stderr,
	}, out
}

// runShell runs a script in a new container of that configuration and returns
// what it wrote, without the last newline. The script must exit with status 0.
func runShell(t *testing.T, config *configs.Config, script string) string {
	t.Helper()
	p, out := shell(script)
	return runProcess(t, config, p, out)
}

func runProcess(t *testing.T, config *configs.Config, p *libcontainer.Process, out *output) string {
	t.Helper()
	container := newContainer(t, config)
	if err := container.Start(p); err != nil {
		t.Fatalf("start: %v", err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatalf("wait: %v; stdout %q, stderr %q", err, out.stdout.String(), out.stderr.String())
	}
	return strings.TrimSuffix(out.stdout.String(), "\n")
}

// startFails checks that Start refuses with that code and a message that holds
// all the given texts, and that the container can be destroyed then.
func startFails(t *testing.T, config *configs.Config, p *libcontainer.Process, code libcontainer.ErrorCode, texts ...string) {
	t.Helper()
	container := newContainer(t, config)
	err := container.Start(p)
	if err == nil {
		_, _ = p.Wait()
		t.Fatal("start succeeded")
	}
	checkError(t, err, code, texts...)
	if status, err := container.Status(); err != nil || status != libcontainer.Created {
		t.Errorf("status after a failed start is %v, error %v; want created", status, err)
	}
}

// createFails checks that Create refuses the configuration.
func createFails(t *testing.T, config *configs.Config, texts ...string) {
	t.Helper()
	checkLeaks(t)
	_, err := newFactory(t).Create("test", config)
	if err == nil {
		t.Fatal("create succeeded")
	}
	checkError(t, err, libcontainer.ConfigInvalid, texts...)
}

func checkError(t *testing.T, err error, code libcontainer.ErrorCode, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one of code %v", code)
		return
	}
	// As the classic library's callers do: by the type of the error itself.
	if e, ok := err.(libcontainer.Error); !ok {
		t.Errorf("error %q is a %T, not a libcontainer.Error", err, err)
	} else if e.Code() != code {
		t.Errorf("error %q has code %v, want %v", err, e.Code(), code)
	}
	if !errors.Is(err, code) {
		t.Errorf("error %q is not of code %v", err, code)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// startBlocked starts a container whose program reads its standard input until
// that is closed, by the returned function.
func startBlocked(t *testing.T, container libcontainer.Container) (p *libcontainer.Process, release func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p = &libcontainer.Process{Args: []string{"cat"}, Env: []string{defaultEnv}, Stdin: r}
	err = container.Start(p)
	r.Close()
	if err != nil {
		w.Close()
		t.Fatalf("start: %v", err)
	}
	released := false
	release = func() {
		if !released {
			released = true
			w.Close()
			_, _ = p.Wait()
		}
	}
	t.Cleanup(release)
	return p, release
}

// startTalking starts a container whose shell runs a script. The first function that
// it returns gives the next line that the script says, the second one ends its input
// and waits for it.
func startTalking(t *testing.T, container libcontainer.Container, script string) (said func() string, release func()) {
	t.Helper()
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", script}, Env: []string{defaultEnv}, Stdin: in, Stdout: say}
	err = container.Start(p)
	in.Close()
	say.Close()
	if err != nil {
		hold.Close()
		t.Fatalf("start: %v", err)
	}
	release = sync.OnceFunc(func() {
		hold.Close()
		_, _ = p.Wait()
	})
	t.Cleanup(release)
	lines := bufio.NewReader(out)
	return func() string {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("read what the container says: %v", err)
		}
		return strings.TrimSuffix(line, "\n")
	}, release
}

// warmUp runs one container, so that what the library makes once a process (the
// sealed copy, the runtime's poller) is there before leaks are looked for.
func warmUp(dir string) error {
	factory, err := newFactoryIn(filepath.Join(dir, "warm-up"))
	if err != nil {
		return err
	}
	container, err := factory.Create("warm-up", configFor(baseRootfs, "warm-up"))
	if err != nil {
		return err
	}
	defer container.Destroy()
	p, out := shell("echo hello")
	if err := container.Start(p); err != nil {
		return err
	}
	if _, err := p.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, out.stderr.String())
	}
	if got := out.stdout.String(); got != "hello\n" {
		return fmt.Errorf("it said %q", got)
	}
	return container.Destroy()
}
