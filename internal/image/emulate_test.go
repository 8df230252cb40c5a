package image_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// emulated is set in the environment of tests that qemu-user runs.
	emulated = "LIBCONTAINER_TEST_EMULATED"

	// emulator is set where the kernel does not run it by itself: its path.
	emulator = "LIBCONTAINER_TEST_EMULATOR"

	// asEmulator is what the test binary is executed as to become one of
	// another machine; its arguments are a directory, the emulator, and that binary.
	asEmulator = "emulator"
)

// TestArm64 runs the tests of this package, built for arm64, with qemu-user.
func TestArm64(t *testing.T) {
	if runtime.GOARCH == "arm64" || os.Getenv(emulated) != "" {
		t.Skip("all tests here are arm64's")
	}
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skip("qemu-aarch64-static, of Debian's package qemu-user-static, is not installed")
	}
	dir := t.TempDir() // binfmt_misc is mounted over it, in a mount namespace
	bin := filepath.Join(t.TempDir(), "image.test")
	build := exec.Command("go", "test", "-c", "-o", bin, ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the tests for arm64: %v\n%s", err, out)
	}
	out, err := runEmulated(t, dir, qemu, bin, "")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == noBinfmt {
		t.Logf("%s", out)
		out, err = runEmulated(t, dir, qemu, bin, qemu)
	}
	if err != nil || !strings.Contains(out, "\nPASS\n") {
		t.Errorf("the tests on arm64: %v\n%s", err, out)
	}
	t.Logf("%d tests passed", strings.Count(out, "--- PASS: "))
}

// runEmulated runs the test binary. The kernel executes binaries of its machine, unless
// by is the emulator, which is executed then.
func runEmulated(t *testing.T, dir, qemu, bin, by string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, self(t), dir, qemu, bin)
	run.Env = append(os.Environ(), role+"="+asEmulator, emulated+"=1", emulator+"="+by)
	run.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: unix.SIGKILL,
		// Whatever the tests start ends with their pid namespace.
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := run.CombinedOutput()
	return string(out), err
}

// noBinfmt is the exit status of a machine whose kernel has no binfmt_misc for user
// namespaces, which Linux 6.7 has brought.
const noBinfmt = 77

// emulate becomes the test binary of another machine.
func emulate(args []string) int {
	dir, qemu, bin := args[1], args[2], args[3]
	argv := []string{bin, "-test.v", "-test.timeout=2m"}
	if err := os.Unsetenv(role); err != nil { // now it is to test
		fmt.Println(err)
		return 1
	}
	if os.Getenv(emulator) != "" {
		fmt.Println(syscall.Exec(qemu, append([]string{qemu}, argv...), os.Environ()))
		return 1
	}
	err := unix.Mount("binfmt_misc", dir, "binfmt_misc", 0, "")
	if err != nil {
		fmt.Println("mount binfmt_misc in a user namespace:", err)
		return noBinfmt
	}
	// The kernel opens the emulator now (F), and the program for it (O), as its
	// argument would be the name of a descriptor that is closed.
	const (
		header = `\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`
		mask   = `\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
	)
	rule := fmt.Sprintf(":aarch64:M::%s:%s:%s:OCF", header, mask, qemu)
	if err := os.WriteFile(filepath.Join(dir, "register"), []byte(rule), 0); err != nil {
		fmt.Println("register the emulator:", err)
		if errors.Is(err, fs.ErrNotExist) {
			return noBinfmt
		}
		return 1
	}
	fmt.Println(syscall.Exec(bin, argv, os.Environ()))
	return 1
}
