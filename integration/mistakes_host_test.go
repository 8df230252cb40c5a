package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// hostMistake makes the test's program a host program that is itself in the wrong place.
const hostMistake = "LCTEST_HOST_MISTAKE"

// mistakenHosts are such programs. They return what went wrong.
var mistakenHosts = map[string]func(rootfs, state string) error{
	"chroot": func(rootfs, state string) error {
		// A copy of the machine's root, in a mount namespace of its own.
		if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("/", state, "", unix.MS_BIND|unix.MS_REC, ""), unix.Chroot(state), unix.Chdir("/")); err != nil {
			return err
		}
		return startIn(rootfs, state, mapped(usual))
	},
	"capability": func(rootfs, state string) error {
		return startIn(rootfs, state, configured(func(c *configs.Config) { c.Capabilities = append(c.Capabilities, "CAP_SYS_TIME") }))
	},
	"closed": func(rootfs, state string) error { return startIn(rootfs, state, mapped(usual)) },
}

func startIn(rootfs, state string, changes ...change) error {
	factory, err := newFactoryIn(filepath.Join(state, "state"))
	if err != nil {
		return err
	}
	config := configFor(rootfs, "mistake")
	p := &libcontainer.Process{Args: []string{"/bin/true"}}
	for _, change := range changes {
		change(nil, config, p)
	}
	return liveOnce(factory, config, p)
}

// toldBy runs such a program and returns what it says, as an error. If it is to be closed
// out, the directory above the root file system is.
func toldBy(host string, attr *syscall.SysProcAttr) func(t *testing.T) error {
	return func(t *testing.T) error {
		rootfs, state := newRootfs(t), publicTempDir(t)
		if host == "closed" {
			if err := os.Chmod(filepath.Dir(rootfs), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if attr.Credential != nil {
			if err := os.Chown(state, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
				t.Fatal(err)
			}
		}
		// By its path another user may not reach this program.
		args := []string{"/proc/self/exe"}
		if host == "capability" {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			args = []string{"/usr/bin/setpriv", "--bounding-set=-sys_time", "--inh-caps=-all", self}
		}
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = append(os.Environ(), hostMistake+"="+host, "LCTEST_ROOTFS="+rootfs, "LCTEST_STATE="+state)
		cmd.SysProcAttr = attr
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if text := strings.TrimSpace(string(out)); text != "<nil>" {
			return errors.New(text)
		}
		return nil
	}
}

var hostMistakes = []mistake{
	{
		what:    "the program that starts containers is in a chroot, and the container is to have a user namespace",
		message: "…: operation not permitted (new namespaces take CAP_SYS_ADMIN or a new user namespace, which the kernel makes for nobody who is in a chroot)",
		remedy:  "Run the program outside of the chroot, or enter it by pivot_root(2).",

		make: toldBy("chroot", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS})},
	{
		what:    "the program that starts containers lacks a capability that the container is to have",
		message: "this program does not have the capabilities CAP_SYS_TIME, and cannot give them: take them off the container's, or add a user namespace",
		remedy:  "Give them to the program, or take them off the container.",
		make:    toldBy("capability", &syscall.SysProcAttr{})},
	{
		what:    "the program that starts containers may not pass through a directory to the root file system",
		message: `Rootfs "…/rootfs": lstat …: permission denied (a directory above it is closed to this program's user)`,
		remedy:  "Give the directories above it the permission x for the program's user.",

		make: toldBy("closed", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}})},
}
