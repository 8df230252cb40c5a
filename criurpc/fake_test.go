package criurpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// fakeVariable has the name of what the test binary does as a criu.
const fakeVariable = "CRIURPC_TEST_FAKE"

// TestMain is also the main function of a fake criu: the test binary that executes itself.
func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(fakeVariable); ok {
		fakes[name](newFake())
		exit(0)
	}
	// Orphans come here: the first process of a machine that is a container may not reap them.
	must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	before := openFiles()
	code := m.Run()
	if children := pidfd.Children(os.Getpid()); len(children) > 0 {
		fmt.Fprintln(os.Stderr, "processes are left:", children)
		code = 1
	}
	if left := leftAfter(before); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "descriptors are left:", left)
		code = 1
	}
	os.Exit(code)
}

// leftAfter lists descriptors that were not there before and do not go. What reaps a process
// that was traced looks for the end of that a few times a second, and lets go then.
func leftAfter(before []string) (left []string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		// The poller's descriptors have come meanwhile.
		left = slices.DeleteFunc(openFiles(), func(file string) bool {
			return slices.Contains(before, file) || strings.Contains(file, "anon_inode:[event")
		})
		if len(left) == 0 {
			break
		}
		<-tick.C
	}
	return left
}

// openFiles lists this program's descriptors.
func openFiles() (list []string) {
	names, err := readNames("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		if target, err := os.Readlink("/proc/self/fd/" + name); err == nil {
			list = append(list, name+" "+target)
		}
	}
	slices.Sort(list)
	return list
}

// fakeCriu is a Criu that executes a function of fakes.
func fakeCriu(t *testing.T, name string, env ...string) *Criu {
	t.Helper()
	if fakes[name] == nil {
		t.Fatalf("there is no fake %q", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Criu{Path: self, Env: append(env, fakeVariable+"="+name)}
}

// fake is the criu's side.
type fake struct {
	socket int
	buf    [maxMessage]byte
}

func newFake() *fake { return &fake{socket: firstFile} }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake criu:", err)
		exit(99)
	}
}

// exit is os.Exit without what the race detector and the coverage do then.
func exit(status int) { syscall.Exit(status) }

func ptr[T any](value T) *T { return &value }

// receive gives nil at the end of the stream.
func (f *fake) receive() *rpc.CriuReq {
	n, err := unix.Read(f.socket, f.buf[:])
	if n == 0 || errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	must(err)
	req := new(rpc.CriuReq)
	must(req.UnmarshalVT(f.buf[:n]))
	return req
}

func (f *fake) sendRaw(data []byte, files ...int) {
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	must(unix.Sendmsg(f.socket, data, rights, nil, unix.MSG_NOSIGNAL))
}

func (f *fake) send(resp *rpc.CriuResp, files ...int) {
	data, err := resp.MarshalVT()
	must(err)
	f.sendRaw(data, files...)
}

func (f *fake) answer(kind rpc.CriuReqType, success bool) {
	f.send(&rpc.CriuResp{Type: &kind, Success: &success})
}

// notify tells a stage, and returns whether it was accepted.
func (f *fake) notify(stage Stage, pid int, files ...int) bool {
	note := &rpc.CriuNotify{Script: ptr(string(stage))}
	if pid != 0 {
		note.Pid = ptr(int32(pid))
	}
	f.send(&rpc.CriuResp{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: ptr(true), Notify: note}, files...)
	req := f.receive()
	return req != nil && req.GetType() == rpc.CriuReqType_NOTIFY && req.GetNotifySuccess()
}

// file opens a file of a directory that the client has told.
func (f *fake) file(fd int32, name string) *os.File {
	path := filepath.Join("/proc", strconv.Itoa(os.Getppid()), "fd", strconv.Itoa(int(fd)), name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	must(err)
	return file
}

// log writes a log as criu does.
func (f *fake) log(req *rpc.CriuReq, text string) {
	opts := req.GetOpts()
	dir := opts.GetWorkDirFd()
	if opts.WorkDirFd == nil {
		dir = opts.GetImagesDirFd()
	}
	file := f.file(dir, opts.GetLogFile())
	defer file.Close()
	_, err := file.WriteString(text)
	must(err)
}

// report is what a fake tells a test.
type report struct {
	Args, Env []string
	Dir       string
	Session   int
	Stdio     []string
	Mount     string
	Files     map[string]string // the contents, by the numbers
	Images    string
	Work      string
	Opts      *rpc.CriuOpts
	Child     int
}

func (f *fake) report(req *rpc.CriuReq, r *report) {
	data, err := json.Marshal(r)
	must(err)
	file := f.file(req.GetOpts().GetImagesDirFd(), "report")
	defer file.Close()
	_, err = file.Write(data)
	must(err)
}

// readReport reads what a fake has told.
func readReport(t *testing.T, images *os.File) *report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(images.Name(), "report"))
	if err != nil {
		t.Fatal(err)
	}
	r := new(report)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// self starts this binary as another fake.
func (f *fake) self(name string, sys *syscall.SysProcAttr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{fakeVariable + "=" + name}
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(f.socket), "socket")}
	cmd.SysProcAttr = sys
	must(cmd.Start())
	return cmd
}

// sibling starts a process that is a child of criu's parent: rst_sibling.
func (f *fake) sibling(name string) int {
	return f.self(name, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_PARENT}).Process.Pid
}

// hang waits for ever, and has no more to do with the socket.
func hang() {
	for {
		_ = unix.Pause()
	}
}

// environ decodes a number that a test has put into criu's environment.
func environ(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	must(err)
	return n
}

// all reads an inherited pipe or file to its end.
func all(fd int) string {
	text, err := io.ReadAll(os.NewFile(uintptr(fd), "inherited"))
	must(err)
	return string(text)
}

// directory opens a new directory.
func directory(t *testing.T) *os.File {
	t.Helper()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

// temporary makes a file with a text, whose offset is 0.
func temporary(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

// gone makes sure that a process has ended and has been reaped.
func gone(t *testing.T, pid int) {
	t.Helper()
	if stat, err := pidfd.ReadStat(pid); !errors.Is(err, pidfd.ErrNoProcess) {
		t.Errorf("process %d is left in state %c, its parent is %d, this one %d", pid, stat.State, stat.Parent, os.Getpid())
	}
}

// end kills and reaps a child of this process, and tells how it has ended.
func end(t *testing.T, pid int) unix.WaitStatus {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Errorf("kill process %d: %v", pid, err)
	}
	return reap(t, pid)
}

func reap(t *testing.T, pid int) (status unix.WaitStatus) {
	t.Helper()
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		t.Errorf("wait for process %d: %v", pid, err)
	}
	return status
}

// sameFiles makes sure that no descriptor has come or gone.
func sameFiles(t *testing.T, before []string) {
	t.Helper()
	after := slices.DeleteFunc(openFiles(), func(file string) bool { return strings.Contains(file, "anon_inode:[event") })
	before = slices.DeleteFunc(slices.Clone(before), func(file string) bool { return strings.Contains(file, "anon_inode:[event") })
	if !slices.Equal(after, before) {
		t.Errorf("open descriptors are %v, were %v", after, before)
	}
}
