//world:any

package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a process of init is while it has not executed the program yet cannot be asked
// from inside, and execve(2) takes much of it back. So the kernel shows each of its
// system calls to a watcher.
//
// Wherever others may see the process, or it waits, it is not dumpable, whatever the
// sysctl fs.suid_dumpable says; and when it has changed its user, all of its ids are that
// user's, capabilities survive no further change, and it holds nothing of the host's.
func TestInitOnTheWayToItsProgram(t *testing.T) {
	for name, want := range map[string]int{"start as a user": 1, "prepare as a user": 2, "exec as a user": 1} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			dir := publicTempDir(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			w := &initWatcher{processes: make(map[int]*watchedInit)}
			s := supervise(t, ctx, w.watch, filepath.Join(dir, "state"), newRootfs(t), cgroupParent, name, strconv.Itoa(1<<20), "1")
			if err := s.host.Wait(); err != nil {
				t.Fatalf("%v: %s", err, s.host.Stderr)
			}
			<-s.ended
			for _, text := range w.found {
				t.Error(text)
			}
			if n := 2 * want; w.looks < n { // the program tries it twice
				t.Errorf("looked at init %d times after its user had changed, want at least %d", w.looks, n)
			}
		})
	}
}

// The user database is a file when init looks at it, and a fifo when it opens that: the
// start fails, and at once, whether somebody writes into the fifo or nobody does.
func TestPasswdBecomesAFifo(t *testing.T) {
	for name, written := range map[string]bool{"somebody writes": true, "nobody writes": false} {
		t.Run(name, func(t *testing.T) { exchangePasswd(t, written) })
	}
}

func exchangePasswd(t *testing.T, written bool) {
	checkLeaks(t)
	dir, rootfs := publicTempDir(t), newRootfs(t)
	passwd := filepath.Join(rootfs, "etc/passwd")
	text := string(mustRead(t, passwd))
	fifo := mknod(t, unix.S_IFIFO|0o666, 0, rootfs, "etc/fifo")
	if written {
		line, err := os.OpenFile(fifo, os.O_RDWR, 0) // who opens it for reading alone finds something there
		if err != nil {
			t.Fatal(err)
		}
		defer line.Close()
		if _, err := line.WriteString("root:x:5000:6000::/:/bin/sh\n"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opened := 0
	watch := func(n *seccompNotif) {
		if !isInit(n) || stringAt(int(n.pid), n.args[1]) != "/etc/passwd" {
			return
		}
		switch n.number {
		case unix.SYS_STATX:
			write(t, text, passwd)
		case unix.SYS_OPENAT:
			opened++
			remove(t, passwd)
			if err := os.Link(fifo, passwd); err != nil {
				t.Error(err)
			}
		}
	}
	s := supervise(t, ctx, watch, filepath.Join(dir, "state"), rootfs, cgroupParent, "start as a user", strconv.Itoa(1<<20), "1")
	if err := s.host.Wait(); err != nil {
		t.Fatalf("%v: %s", err, s.host.Stderr)
	}
	<-s.ended
	if opened != 2 { // the program tries it twice
		t.Errorf("the file was exchanged %d times", opened)
	}
	out := s.host.Stdout.(*bytes.Buffer).String()
	if strings.Count(out, "/etc/passwd of the container is not a regular file") != 2 {
		t.Errorf("the program says %q", out)
	}
}

// A path that cannot be resolved because others rename without pause is given up: the kernel
// says EAGAIN each time (openat2(2)), and init tries it a limited number of times.
func TestPathIsGivenUp(t *testing.T) {
	checkLeaks(t)
	dir, rootfs := publicTempDir(t), newRootfs(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const most = 2 + 128 // twice by the list of the start, and by the one that is for this
	tries := 0
	pretend := func(n *seccompNotif) *seccompResponse {
		if n.number != unix.SYS_OPENAT2 || !isInit(n) || strings.Trim(stringAt(int(n.pid), n.args[1]), "/") != "dev/shm" {
			return nil
		}
		tries++
		return &seccompResponse{errno: -int32(unix.EAGAIN)}
	}
	s := (&faultSupervisor{pretend: pretend}).start(t, ctx, filepath.Join(dir, "state"), rootfs, cgroupParent, "start as a user", strconv.Itoa(1<<20), "1")
	if err := s.host.Wait(); err != nil {
		t.Fatalf("%v: %s", err, s.host.Stderr)
	}
	<-s.ended
	if tries < 4 || tries > 2*most { // the program tries it twice
		t.Errorf("the path was tried %d times, want at most 2 times %d", tries, most)
	}
	out := s.host.Stdout.(*bytes.Buffer).String()
	if strings.Count(out, "/dev/shm, while others rename directories: resource temporarily unavailable") != 2 {
		t.Errorf("the program says %q", out)
	}
}

// stringAt gives a string in the memory of a process.
func stringAt(pid int, address uint64) string {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return ""
	}
	defer mem.Close()
	buf := make([]byte, 64)
	n, _ := mem.ReadAt(buf, int64(address))
	text, _, _ := bytes.Cut(buf[:n], []byte{0})
	return string(text)
}

func wordAt(pid int, address uint64) uint64 {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return 0
	}
	defer mem.Close()
	var word [8]byte
	_, _ = mem.ReadAt(word[:], int64(address))
	return binary.NativeEndian.Uint64(word[:])
}

// isInit tells whether a call is one of a process of init.
func isInit(n *seccompNotif) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", n.pid))
	return err == nil && strings.HasPrefix(exe, "/memfd:libcontainer-init")
}

// initWatcher follows the processes of init.
type initWatcher struct {
	mu        sync.Mutex
	processes map[int]*watchedInit
	cloning   watchedInit // what the one that has called clone3 last was then
	looks     int
	found     []string
}

// watchedInit is what the calls of one process have made of it.
type watchedInit struct {
	dumpable, keepcaps bool
	cloned             bool // it did not come from the host, but from another one
	user               bool // it is to be what the program is
}

func (w *initWatcher) watch(n *seccompNotif) {
	if !isInit(n) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	pid := thread(int(n.pid))
	p := w.processes[pid]
	if p == nil {
		p = &watchedInit{dumpable: true}
		if w.cloning.cloned {
			*p = w.cloning
		}
		w.processes[pid] = p
	}
	if !p.change(n) {
		w.look(n, p)
	}
	if n.number == unix.SYS_CLONE3 {
		w.cloning = *p
		w.cloning.cloned = true
	}
	if n.number == unix.SYS_EXECVE && stringAt(int(n.pid), n.args[0]) != "" { // else it is refused
		delete(w.processes, pid)
		w.cloning = watchedInit{}
	}
}

// thread gives the process that a thread belongs to.
func thread(tid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if pid, err := strconv.Atoi(status(string(data))["Tgid"]); err == nil {
		return pid
	}
	return tid
}

// change follows a call that makes another process of it. It tells whether this is one.
func (p *watchedInit) change(n *seccompNotif) bool {
	switch n.number {
	case unix.SYS_PRCTL:
		switch n.args[0] {
		case unix.PR_SET_DUMPABLE:
			p.dumpable = n.args[1] != 0
		case unix.PR_SET_KEEPCAPS:
			p.keepcaps = n.args[1] != 0
		}
	case unix.SYS_SETRESUID:
		p.dumpable = true // credentials(7): it is what the sysctl says
		p.user = p.user || n.args[0] == 5000
	case unix.SYS_SETRESGID:
		p.dumpable = true
	default:
		return false
	}
	return true
}

// look looks at a process where others may meet it: it clones, waits, or executes.
func (w *initWatcher) look(n *seccompNotif, p *watchedInit) {
	moments := map[int32]string{unix.SYS_CLONE3: "clones", unix.SYS_ACCEPT4: "waits", unix.SYS_EXECVE: "executes the program"}
	moment, ok := moments[n.number]
	if !ok || n.number == unix.SYS_EXECVE && stringAt(int(n.pid), n.args[0]) == "" {
		return
	}
	find := func(format string, args ...any) {
		w.found = append(w.found, fmt.Sprintf("init, when it "+moment+", "+format, args...))
	}
	if p.dumpable {
		find("may be dumpable")
	}
	if p.keepcaps {
		find("keeps its capabilities when it changes its user")
	}
	if !p.user {
		return
	}
	if n.number == unix.SYS_CLONE3 && wordAt(int(n.pid), n.args[0])&unix.CLONE_THREAD != 0 {
		find("makes a thread, although the limits of tasks are those of the program")
	}
	w.looks++
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.pid))
	if err != nil {
		find("cannot be looked at: %v", err)
		return
	}
	s := status(string(data))
	if s["Uid"] != "5000 5000 5000 5000" || s["Gid"] != "6000 6000 6000 6000" || s["Groups"] != "" {
		find("has the user ids %q, group ids %q and groups %q", s["Uid"], s["Gid"], s["Groups"])
	}
	// Those that execve takes from who is not root are the configuration's until then.
	for set, want := range map[string]string{"CapInh": "", "CapAmb": "", "CapBnd": defaultCaps, "CapPrm": defaultCaps, "CapEff": defaultCaps} {
		if s[set] != want && strings.Trim(s[set], "0") != want {
			find("has %s %s, want %q", set, s[set], want)
		}
	}
	for _, what := range heldBy(int(n.pid)) {
		find("holds %s", what)
	}
}

// heldBy lists what a process holds that leads elsewhere: directories, its own root's among
// them, and other processes.
func heldBy(pid int) (list []string) {
	fds := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(fds)
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		target, err := os.Readlink(fds + e.Name())
		if err != nil {
			continue
		}
		info, err := os.Stat(fds + e.Name())
		directory := err == nil && info.IsDir()
		if directory || strings.Contains(target, "pidfd") || isPidfd(pid, e.Name()) {
			list = append(list, fmt.Sprintf("descriptor %s, %s", e.Name(), target))
		}
	}
	slices.Sort(list)
	return list
}

// isPidfd tells whether a descriptor is a process, which has no name of its own since
// Linux 6.9.
func isPidfd(pid int, fd string) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd))
	return err == nil && bytes.Contains(data, []byte("\nNSpid:"))
}
