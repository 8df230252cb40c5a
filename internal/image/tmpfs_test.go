package image_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/image"
)

// noMemfd is set in the environment of tests where memfds cannot be executed.
const noMemfd = "LIBCONTAINER_TEST_NO_MEMFD"

// asWithoutMemfd is the role of the test binary that becomes those tests.
const asWithoutMemfd = "tests without memfd"

const memfdNoexec = "/proc/sys/vm/memfd_noexec"

// TestWithoutMemfd runs tests in a pid namespace that has the sysctl vm.memfd_noexec,
// which is each pid namespace's own, set to 2.
func TestWithoutMemfd(t *testing.T) {
	if os.Getenv(emulated) != "" {
		t.Skip("not while emulated: it is the kernel that is tested")
	}
	if os.Geteuid() != 0 {
		t.Skip("a pid namespace and its sysctls need root")
	}
	if _, err := os.Stat(memfdNoexec); err != nil {
		t.Skip("the sysctl came with Linux 6.3:", err)
	}
	run := exec.CommandContext(t.Context(), self(t), "-test.v", "-test.timeout=1m",
		"-test.run=^(TestSystemCall|TestExec|TestFilesComeInRegisters|TestNobodyChangesTheImage)$")
	run.Env = append(os.Environ(), role+"="+asWithoutMemfd, noMemfd+"=1")
	run.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  unix.SIGKILL,
		Cloneflags: unix.CLONE_NEWPID,
	}
	out, err := run.CombinedOutput()
	if err != nil || strings.Count(string(out), "\n--- PASS: ") != 4 {
		t.Errorf("tests without executable memfds: %v\n%s", err, out)
	}
}

func testWithoutMemfd(m *testing.M) int {
	if err := os.WriteFile(memfdNoexec, []byte("2"), 0); err != nil {
		fmt.Println(err)
		return 1
	}
	if _, err := unix.MemfdCreate("x", unix.MFD_EXEC); !errors.Is(err, unix.EACCES) {
		fmt.Println("memfd_create with the sysctl set:", err)
		return 1
	}
	return m.Run()
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNobodyChangesTheImage tries as root what a process could that has the image's
// descriptor.
func TestNobodyChangesTheImage(t *testing.T) {
	f, err := image.New(pipeFd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	link, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	if isMemfd := strings.HasPrefix(link, "/memfd:"); isMemfd == (os.Getenv(noMemfd) != "") {
		t.Errorf("the image is %s", link)
	}
	before := content(t, path)

	// What works here changes nothing yet, or tries nothing that is forbidden.
	fd := int(f.Fd())
	_ = unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, "")
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	if tree, err := unix.OpenTree(fd, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC); err == nil {
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err == nil {
			t.Error("a copy of its mount can be made writable")
		}
		unix.Close(tree)
	}
	_ = os.Chmod(path, 0o777)
	if w, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		defer w.Close()
		if _, err := w.WriteAt([]byte("changed"), 0); err == nil {
			t.Error("it can be written")
		}
		if _, err := unix.Mmap(int(w.Fd()), 0, 4096, unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Error("it can be mapped to be written")
		}
		if err := w.Truncate(0); err == nil {
			t.Error("it can be truncated")
		}
	}
	if err := os.Truncate(path, 1<<20); err == nil {
		t.Error("it can be made larger")
	}
	if _, err := io.WriteString(f, "changed"); err == nil {
		t.Error("its own descriptor can write")
	}
	if after := content(t, path); !bytes.Equal(before, after) {
		t.Errorf("it has been changed: %d bytes, were %d", len(after), len(before))
	}
}
