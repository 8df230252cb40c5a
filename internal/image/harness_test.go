package image_test

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/image"
	"github.com/libcontainer/libcontainer/internal/program"
)

// pipeFd is the init pipe's number in the processes of the tests.
const pipeFd = 3

// role is set in the environment of a process that a test starts. If that is the test
// binary it must never test: not by its arguments, which an emulator may change.
const role = "LIBCONTAINER_TEST_ROLE"

const (
	asImage       = "image"
	asInterpreter = "interpreter"
	asBusy        = "busy interpreter" // whose other goroutines work
)

func TestMain(m *testing.M) {
	switch as := os.Getenv(role); as {
	case "":
		os.Exit(m.Run())
	case asWithoutMemfd:
		if err := os.Unsetenv(role); err != nil {
			panic(err)
		}
		os.Exit(testWithoutMemfd(m))
	case asEmulator:
		os.Exit(emulate(os.Args))
	case asBusy:
		for range 2 {
			go func() {
				for {
					sink.Store(make([]byte, 1<<16))
					runtime.Gosched()
				}
			}()
		}
		os.Exit(interpret())
	case asInterpreter:
		os.Exit(interpret())
	default:
		println("the test binary has no role", as)
		os.Exit(254)
	}
}

// sink keeps garbage from being optimised away.
var sink atomic.Value

// interpret ends as the assembly does.
func interpret() int {
	err := program.Run(pipeFd, program.Memory{})
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return int(errno)
	}
	if err != nil {
		println(err.Error())
		return 255
	}
	return 0
}

// proc is a process that runs an interpreter.
type proc struct {
	t    *testing.T
	pipe *os.File
	p    *os.Process
}

// each runs a test with each of the interpreters.
func each(t *testing.T, test func(t *testing.T, p *proc)) {
	t.Run("assembly", func(t *testing.T) { test(t, startImage(t)) })
	t.Run("Go", func(t *testing.T) { test(t, startGo(t, asInterpreter)) })
}

func startImage(t *testing.T) *proc {
	t.Helper()
	exe, err := image.New(pipeFd)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	if os.Getenv(emulator) != "" {
		return startPath(t, "/proc/self/fd/4", asImage, exe)
	}
	high, err := unix.FcntlInt(exe.Fd(), unix.F_DUPFD_CLOEXEC, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(high)
	return startPath(t, "/proc/self/fd/"+strconv.Itoa(high), asImage)
}

func startGo(t *testing.T, as string) *proc {
	t.Helper()
	return startPath(t, self(t), as)
}

// raceEnv keeps the race detector from waiting a second at each exit.
const raceEnv = "GORACE=atexit_sleep_ms=0"

// self is the test binary.
func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func startPath(t *testing.T, path, as string, files ...*os.File) *proc {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(pair[0], true); err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	args := []string{as}
	if qemu := os.Getenv(emulator); qemu != "" {
		args = []string{qemu, "-0", as, path}
		path = qemu
	}
	p, err := os.StartProcess(path, args, &os.ProcAttr{
		Env:   []string{raceEnv, role + "=" + as},
		Files: append([]*os.File{null, os.Stdout, os.Stderr, theirs}, files...),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ours.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ours.Close()
		_ = p.Kill()
		_, _ = p.Wait()
	})
	return &proc{t, ours, p}
}

func (p *proc) send(prog *program.Program, seq uint32) {
	p.t.Helper()
	list, files := prog.Message(seq)
	p.write(list, files...)
}

func (p *proc) write(b []byte, files ...*os.File) {
	p.t.Helper()
	conn, err := p.pipe.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	var oob []byte
	if len(files) > 0 {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		oob = unix.UnixRights(fds...)
	}
	n := 0
	if cerr := conn.Control(func(fd uintptr) { n, err = unix.SendmsgN(int(fd), b, oob, nil, unix.MSG_NOSIGNAL) }); cerr != nil || err != nil {
		p.t.Fatal(cerr, err)
	}
	if n == len(b) {
		return // and the process may have ended by now
	}
	if _, err := p.pipe.Write(b[n:]); err != nil {
		p.t.Fatal(err)
	}
}

// close ends the stream of lists.
func (p *proc) close() {
	p.t.Helper()
	conn, err := p.pipe.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	if cerr := conn.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) }); cerr != nil || err != nil {
		p.t.Fatal(cerr, err)
	}
}

// read reads a message.
func (p *proc) read() (kind uint32, payload []byte) {
	p.t.Helper()
	head := make([]byte, program.MessageHeader)
	if _, err := io.ReadFull(p.pipe, head); err != nil {
		p.t.Fatalf("read message: %v", err)
	}
	payload = make([]byte, binary.NativeEndian.Uint32(head[4:]))
	if _, err := io.ReadFull(p.pipe, payload); err != nil {
		p.t.Fatalf("read message: %v", err)
	}
	return binary.NativeEndian.Uint32(head), payload
}

// word reads a message of Tell that is about one word.
func (p *proc) word() uint64 {
	p.t.Helper()
	kind, payload := p.read()
	if kind != program.KindAsk || len(payload) != 16 {
		p.t.Fatalf("message %d %v, want a word", kind, payload)
	}
	return binary.NativeEndian.Uint64(payload[8:])
}

// failure reads the message of a failure.
func (p *proc) failure() (errno syscall.Errno, seq, index uint32) {
	p.t.Helper()
	kind, payload := p.read()
	if kind != program.KindFailed || len(payload) != 12 {
		p.t.Fatalf("message %d %v, want a failure", kind, payload)
	}
	order := binary.NativeEndian
	return syscall.Errno(order.Uint32(payload)), order.Uint32(payload[4:]), order.Uint32(payload[8:])
}

// fails expects that the process ends with a failure, and has said nothing else.
func (p *proc) fails(errno syscall.Errno, seq, index uint32) {
	p.t.Helper()
	gotErrno, gotSeq, gotIndex := p.failure()
	if gotErrno != errno || gotSeq != seq || gotIndex != index {
		p.t.Errorf("operation %d of list %d failed: %v; want %d of %d: %v", gotIndex, gotSeq, gotErrno, index, seq, errno)
	}
	p.end(int(errno))
}

// end expects that the process ends with a status, and has said no more.
func (p *proc) end(status int) {
	p.t.Helper()
	rest, err := io.ReadAll(p.pipe)
	if len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Errorf("more came from the process: %q, %v", rest, err)
	}
	state, err := p.p.Wait()
	if err != nil {
		p.t.Fatal(err)
	}
	if state.ExitCode() != status {
		p.t.Errorf("the process ended with %v, want exit status %d", state, status)
	}
}

func build(t *testing.T, b *program.Builder) *program.Program {
	t.Helper()
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tell tells the host a word.
func tell(b *program.Builder, word program.Arg) {
	out := b.Space(8)
	b.Store(out, word, 8)
	b.Tell("tell", nil, out, program.Num(8))
}
