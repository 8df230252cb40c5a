//go:build linux && cgo

package preamble_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

// Numbers of the protocol, as in preamble.h and bootstrap.h.
const (
	framePid, frameError, frameMapIDs, frameGo = 1, 2, 3, 4

	initMsg     = 62000
	cloneFlags  = 27283
	mapIDs      = 27284
	cgroupFd    = 27285
	timeOffsets = 27286
	joinPidfd   = 27288
	joinFlags   = 27289
	userNs      = 27290
	utsNs       = 27293
	netNs       = 27294
)

// TestMain is where a process that the tests cloned through the preamble comes. What it is
// then, it was when the container could see it for the first time: not dumpable, so that nobody
// there traces it or reads its memory (prctl(2)).
func TestMain(m *testing.M) {
	if preamble.InitPipe() >= 0 {
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil || dumpable != 0 {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func attr(typ uint16, value string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func attrInt(typ uint16, value uint32) []byte {
	return attr(typ, string(binary.NativeEndian.AppendUint32(nil, value)))
}

func message(attrs ...[]byte) []byte {
	var body []byte
	for _, a := range attrs {
		body = append(body, a...)
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.NativeEndian.AppendUint16(b, initMsg)
	return append(append(b, make([]byte, 10)...), body...)
}

// withHeader overwrites the length and the type of a message.
func withHeader(msg []byte, length uint32, typ uint16) []byte {
	binary.NativeEndian.PutUint32(msg, length)
	binary.NativeEndian.PutUint16(msg[4:], typ)
	return msg
}

type report struct {
	kind    uint32
	payload []byte
}

// bootstrap runs this program with a bootstrap message, after which nothing comes, and returns
// what the preamble reports.
func bootstrap(t *testing.T, msg []byte) report {
	t.Helper()
	return converse(t, msg, true)
}

// converse is bootstrap that answers when it is asked for something, unless the message is the
// whole of what is said.
func converse(t *testing.T, msg []byte, whole bool) report {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(pair[0], true); err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	exe := sealedCopy(t, self)
	defer unix.Close(exe)
	p, err := os.StartProcess("/proc/self/fd/"+strconv.Itoa(exe), []string{self}, &os.ProcAttr{
		Env:   []string{"_LIBCONTAINER_INITPIPE=3"},
		Files: []*os.File{null, os.Stdout, os.Stderr, theirs},
	})
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = p.Wait() }()
	if _, err := ours.Write(msg); err != nil && !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err)
	}
	conn, err := ours.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if whole {
		if err := conn.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r := readReport(t, ours)
	if r.kind == frameMapIDs {
		mapIDsOf(t, p.Pid)
		goOn := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, frameGo), 0)
		if _, err := ours.Write(goOn); err != nil {
			t.Fatal(err)
		}
		r = readReport(t, ours)
	}
	return r
}

func readReport(t *testing.T, from io.Reader) report {
	t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		t.Fatalf("read report: %v", err)
	}
	r := report{binary.NativeEndian.Uint32(head[:]), make([]byte, binary.NativeEndian.Uint32(head[4:]))}
	if _, err := io.ReadFull(from, r.payload); err != nil {
		t.Fatalf("read report: %v", err)
	}
	return r
}

// mapIDsOf makes the test's user the root of a process's user namespace.
func mapIDsOf(t *testing.T, pid int) {
	t.Helper()
	for _, file := range []struct{ name, text string }{
		{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("0 %d 1", os.Geteuid())}, {"gid_map", fmt.Sprintf("0 %d 1", os.Getegid())},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, file.name), []byte(file.text), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// sealedCopy makes a copy of this program as a factory does, without which the preamble
// does nothing, and returns a descriptor that os.StartProcess leaves alone.
func sealedCopy(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("preamble-test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "preamble-test")
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		t.Fatal(err)
	}
	high, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 100)
	if err != nil {
		t.Fatal(err)
	}
	// A file that is open for writing is not executed.
	ro, err := unix.Open("/proc/self/fd/"+strconv.Itoa(high), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	unix.Close(high)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ro)
	f.Close()
	if high, err = unix.FcntlInt(uintptr(ro), unix.F_DUPFD_CLOEXEC, 100); err != nil {
		t.Fatal(err)
	}
	return high
}

func TestGoodMessageClonesAChild(t *testing.T) {
	newUser, newTime := uint32(unix.CLONE_NEWUSER), uint32(unix.CLONE_NEWTIME)
	for name, msg := range map[string][]byte{
		"empty":              message(),
		"no flags":           message(attrInt(cloneFlags, 0)),
		"user namespace":     message(attrInt(cloneFlags, newUser), attrInt(mapIDs, 1)),
		"and time namespace": message(attrInt(cloneFlags, newUser|newTime), attrInt(mapIDs, 1), attr(timeOffsets, "boottime 1 0\n\x00")),
	} {
		r := converse(t, msg, false)
		if r.kind == frameError && strings.Contains(string(r.payload), "create user namespace") {
			t.Logf("%s: this user may not: %q", name, r.payload[4:])
			continue
		}
		if r.kind != framePid || len(r.payload) != 8 {
			t.Fatalf("%s: report %d %q", name, r.kind, r.payload)
		}
		if hook := binary.NativeEndian.Uint32(r.payload[4:]); hook != 0 {
			t.Errorf("%s: the hook is said to be linked", name)
		}
		// It is our child, though the preamble's process has cloned it.
		p, err := os.FindProcess(int(int32(binary.NativeEndian.Uint32(r.payload))))
		if err != nil {
			t.Fatal(err)
		}
		if state, err := p.Wait(); err != nil || !state.Success() {
			t.Errorf("%s: child ended with %v, error %v", name, state, err)
		}
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	path := "/proc/self/ns/net\x00"
	for name, tt := range map[string]struct {
		msg   []byte
		errno syscall.Errno
		text  string
	}{
		"nothing":             {nil, syscall.EPIPE, "read bootstrap message"},
		"half a header":       {message()[:8], syscall.EPIPE, "read bootstrap message"},
		"half a message":      {message(attrInt(cloneFlags, 0))[:20], syscall.EPIPE, "read bootstrap message"},
		"wrong type":          {withHeader(message(), 16, 1), syscall.EBADMSG, "message type 1"},
		"length too short":    {withHeader(message(), 12, initMsg), syscall.EBADMSG, "shorter than its header"},
		"length too long":     {withHeader(message(), 1<<20, initMsg), syscall.EBADMSG, "over the limit"},
		"length odd":          {withHeader(message(), 18, initMsg), syscall.EBADMSG, "not aligned"},
		"unknown attribute":   {message(attrInt(27281, 1)), syscall.EBADMSG, "unknown attribute 27281"},
		"duplicate":           {message(attrInt(cloneFlags, 0), attrInt(cloneFlags, 0)), syscall.EBADMSG, "27283 stands twice"},
		"short number":        {message(attr(cloneFlags, "ab")), syscall.EBADMSG, "has 2 bytes, want 4"},
		"long number":         {message(attr(cloneFlags, "12345678")), syscall.EBADMSG, "has 8 bytes, want 4"},
		"foreign flags":       {message(attrInt(cloneFlags, unix.CLONE_VM)), syscall.EBADMSG, "more than namespaces"},
		"odd map-ids":         {message(attrInt(cloneFlags, unix.CLONE_NEWUSER), attrInt(mapIDs, 2)), syscall.EBADMSG, "map-ids is 2"},
		"maps without user":   {message(attrInt(mapIDs, 1)), syscall.EBADMSG, "without a new user namespace"},
		"offsets, no time":    {message(attr(timeOffsets, "boottime 1 0\n\x00")), syscall.EBADMSG, "without a new time namespace"},
		"negative fd":         {message(attrInt(cgroupFd, 1<<31)), syscall.EBADMSG, "out of range"},
		"empty path":          {message(attr(netNs, "\x00")), syscall.EBADMSG, "empty string"},
		"join without pidfd":  {message(attrInt(joinFlags, unix.CLONE_NEWNET)), syscall.EBADMSG, "without the pidfd"},
		"join twice":          {message(attrInt(joinPidfd, 0), attrInt(joinFlags, unix.CLONE_NEWNET), attr(netNs, path)), syscall.EBADMSG, "joined twice"},
		"join what is none":   {message(attrInt(joinPidfd, 0), attrInt(joinFlags, unix.CLONE_NEWNET)), syscall.EINVAL, "join net namespace of the container"},
		"path without NUL":    {message(attr(netNs, "/proc/self/ns/net")), syscall.EBADMSG, "one NUL"},
		"path with two NULs":  {message(attr(netNs, "/a\x00b\x00")), syscall.EBADMSG, "one NUL"},
		"relative path":       {message(attr(netNs, "a/b\x00")), syscall.EBADMSG, "net namespace is not absolute"},
		"long path":           {message(attr(netNs, "/"+strings.Repeat("a", 5000)+"\x00")), syscall.EBADMSG, "over the limit of 4096"},
		"join and create":     {message(attrInt(cloneFlags, unix.CLONE_NEWNET), attr(netNs, path)), syscall.EBADMSG, "both created and joined"},
		"attribute too long":  {message([]byte{200, 0, 0x93, 0x6a}), syscall.EBADMSG, "4 are left"},
		"attribute too short": {message([]byte{2, 0, 0x93, 0x6a}), syscall.EBADMSG, "has length 2"},
		"missing namespace":   {message(attr(netNs, "/nonexistent\x00")), syscall.ENOENT, "open net namespace /nonexistent"},
		"fifo":                {message(attr(netNs, fifo+"\x00")), syscall.EINVAL, "is not a namespace"},
		"regular file":        {message(attr(userNs, "/etc/passwd\x00")), syscall.EINVAL, "is not a namespace"},
		"wrong namespace":     {message(attr(utsNs, path)), syscall.EINVAL, "not a namespace of type uts"},
	} {
		t.Run(name, func(t *testing.T) {
			r := bootstrap(t, tt.msg)
			if r.kind != frameError || len(r.payload) < 4 {
				t.Fatalf("report %d %q, want an error", r.kind, r.payload)
			}
			errno, text := syscall.Errno(binary.NativeEndian.Uint32(r.payload)), string(r.payload[4:])
			if errno != tt.errno || !strings.Contains(text, tt.text) {
				t.Errorf("error %v (%d) %q, want %v and %q", errno, errno, text, tt.errno, tt.text)
			}
		})
	}
}
