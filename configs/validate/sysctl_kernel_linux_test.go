package validate

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// listWritable makes the test's program print the kernel parameters that it may write.
const listWritable = "LIBCONTAINER_TEST_WRITABLE_SYSCTLS"

func TestMain(m *testing.M) {
	if os.Getenv(listWritable) != "" {
		for _, name := range writableSysctls("/proc/sys") {
			fmt.Println(name)
		}
		return
	}
	os.Exit(m.Run())
}

// writableSysctls gives the parameters below a directory of /proc/sys that this process may
// write, whoever it is: access(2) asks with the real ids, and here they are the effective ones.
func writableSysctls(dir string) (names []string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && unix.Access(path, unix.W_OK) == nil {
			names = append(names, strings.TrimPrefix(path, "/proc/sys/"))
		}
		return nil
	})
	return names
}

// TestSysctlsOfTheKernel asks the kernel which parameters belong to namespaces: those that
// root of a user namespace, who is nobody on the host, may write. All of them are allowed,
// but for those that change the host.
func TestSysctlsOfTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a user namespace of other ids than its own")
	}
	mapping := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 1}}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), listWritable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWPID | unix.CLONE_NEWUTS,
		UidMappings: mapping, GidMappings: mapping,
		Credential: &syscall.Credential{NoSetGroups: true},
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the parameters in new namespaces: %v", err)
	}
	names := strings.Fields(string(out))
	for _, some := range []string{"net/ipv4/ip_forward", "kernel/shmmax"} {
		if !slices.Contains(names, some) {
			t.Fatalf("%s is not among the %d parameters that may be written: the list is wrong", some, len(names))
		}
	}
	t.Logf("%d parameters", len(names))
	config := configs.Default()
	config.Namespaces.Add(configs.NEWUSER, "")
	for _, name := range names {
		if err := sysctl(config, name, name); err != nil && !slices.Contains(hostSysctls, name) {
			t.Errorf("the kernel lets a container write it, and the validator does not: %v", err)
		}
	}
}

// TestSysctlsOfTheHost changes each parameter in a network namespace and looks at the host's.
// Those that are refused are left alone: some of them cannot be changed back.
func TestSysctlsOfTheHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	write := inNewNamespaces(t)
	config, changed := configs.Default(), 0
	for _, name := range append(writableSysctls("/proc/sys/net"), writableSysctls("/proc/sys/kernel")...) {
		// A thread cannot have a new pid namespace.
		if name == "kernel/pid_max" || name == "kernel/ns_last_pid" || sysctl(config, name, name) != nil {
			continue
		}
		before, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			continue // flush and others can only be written
		}
		other := []byte("0\n")
		if bytes.Equal(before, other) {
			other = []byte("1\n")
		}
		if err := write(name, other); err != nil {
			continue // it takes no such value, or the namespace does not have it
		}
		changed++
		after, err := os.ReadFile("/proc/sys/" + name)
		if err != nil || bytes.Equal(before, after) {
			continue
		}
		t.Errorf("%s in a container changes the host's from %q to %q", name, before, after)
		if err := os.WriteFile("/proc/sys/"+name, before, 0); err != nil {
			t.Errorf("change it back: %v", err)
		}
	}
	if changed < 50 {
		t.Errorf("only %d parameters could be changed: the test does not see them", changed)
	}
	t.Logf("%d parameters", changed)
}

// inNewNamespaces gives a function that writes a parameter from new network, IPC and UTS
// namespaces, which are those of a thread.
func inNewNamespaces(t *testing.T) func(name string, value []byte) error {
	t.Helper()
	type request struct {
		name  string
		value []byte
	}
	requests, answers := make(chan request), make(chan error)
	go func() {
		runtime.LockOSThread() // it ends with this goroutine
		err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS)
		answers <- err
		for r := range requests {
			answers <- os.WriteFile("/proc/sys/"+r.name, r.value, 0)
		}
	}()
	t.Cleanup(func() { close(requests) })
	if err := <-answers; err != nil {
		t.Fatal(err)
	}
	return func(name string, value []byte) error {
		requests <- request{name, value}
		return <-answers
	}
}
