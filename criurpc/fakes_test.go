package criurpc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// fakes are what the test binary does as a criu.
var fakes map[string]func(*fake)

func init() {
	fakes = map[string]func(*fake){
		"nothing":   func(*fake) {},
		"pause":     func(*fake) { hang() },
		"hang":      fakeHang,
		"linger":    fakeLinger,
		"tracer":    fakeTracer,
		"describe":  fakeDescribe,
		"stages":    fakeStages,
		"die":       fakeDie,
		"log":       fakeLog,
		"malformed": fakeMalformed,
		"holder":    fakeHolder,
		"restore":   fakeRestore,
		"pages":     fakePages,
		"lazy":      fakeLazy,
		"probe":     fakeProbe,
	}
}

// fakeHang reads the request, writes a byte to its descriptor FAKE_TELL, and never answers.
func fakeHang(f *fake) {
	f.receive()
	_, err := unix.Write(environ("FAKE_TELL"), []byte{0})
	must(err)
	hang()
}

// fakeLinger answers and does not end.
func fakeLinger(f *fake) {
	f.answer(f.receive().GetType(), true)
	hang()
}

// fakeTracer traces the process FAKE_PID.
func fakeTracer(*fake) {
	runtime.LockOSThread()
	must(unix.PtraceSeize(environ("FAKE_PID")))
	_, err := unix.Write(firstFile, []byte{0})
	must(err)
	hang()
}

// fakeDescribe tells all that it can see.
func fakeDescribe(f *fake) {
	req := f.receive()
	opts := req.GetOpts()
	r := &report{Args: os.Args, Env: os.Environ(), Opts: opts, Files: make(map[string]string)}
	var err error
	r.Dir, err = os.Getwd()
	must(err)
	r.Session, err = unix.Getsid(0)
	must(err)
	for fd := range 3 {
		target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		must(err)
		r.Stdio = append(r.Stdio, target)
	}
	r.Mount, err = os.Readlink("/proc/thread-self/ns/mnt")
	must(err)
	names, err := readNames("/proc/self/fd")
	must(err)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		must(err)
		target, _ := os.Readlink("/proc/self/fd/" + name)
		var st unix.Stat_t
		// Go itself reads files of its cgroup.
		if fd > firstFile && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && !strings.HasPrefix(target, "/sys") {
			r.Files[name] = all(fd)
		}
	}
	dir := func(fd int32) string {
		path, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(os.Getppid()), "fd", strconv.Itoa(int(fd))))
		must(err)
		return path
	}
	r.Images = dir(opts.GetImagesDirFd())
	if opts.WorkDirFd != nil {
		r.Work = dir(opts.GetWorkDirFd())
	}
	f.report(req, r)
	f.answer(req.GetType(), true)
}

// fakeStages tells the stages of a dump or a restore, those that FAKE_STAGES names, and takes all
// back if one is refused. At the stages of final() it goes on. Each stage comes with a file if
// FAKE_FILE is a descriptor. Between the stages it waits for the end of the descriptor FAKE_WAIT, if
// there is one, after a byte to FAKE_TELL.
func fakeStages(f *fake) {
	req := f.receive()
	success := true
	for name := range strings.SplitSeq(os.Getenv("FAKE_STAGES"), ",") {
		var files []int
		if os.Getenv("FAKE_FILE") != "" {
			files = append(files, environ("FAKE_FILE"))
		}
		pid := 0
		if Stage(name) == StagePostRestore {
			pid = os.Getpid()
		}
		if !f.notify(Stage(name), pid, files...) && !Stage(name).final() {
			success = false
			break
		}
		if os.Getenv("FAKE_WAIT") != "" {
			_, err := unix.Write(environ("FAKE_TELL"), []byte{0})
			must(err)
			all(environ("FAKE_WAIT"))
		}
	}
	if !success && os.Getenv("FAKE_SILENT") != "" {
		hang()
	}
	if !success {
		f.log(req, "Error (cr-service.c:1): RPC client reported script error\n")
		f.notify(StageNetworkUnlock, 0)
	}
	f.answer(req.GetType(), success || os.Getenv("FAKE_STUBBORN") != "")
}

// fakeDie dies before what FAKE_DIE tells.
func fakeDie(f *fake) {
	die := func(moment string) {
		if os.Getenv("FAKE_DIE") != moment {
			return
		}
		if os.Getenv("FAKE_SIGNAL") != "" {
			must(unix.Kill(os.Getpid(), unix.SIGKILL))
			hang()
		}
		exit(7)
	}
	die("request")
	req := f.receive()
	die("first stage")
	f.send(&rpc.CriuResp{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: ptr(true), Notify: &rpc.CriuNotify{Script: ptr("pre-dump")}})
	die("reply")
	f.receive()
	die("second stage")
	f.notify(StageNetworkLock, 0)
	die("answer")
	f.answer(req.GetType(), true)
	die("end")
}

// fakeLog fails with a log, an output, a message and an error number.
func fakeLog(f *fake) {
	req := f.receive()
	if text := os.Getenv("FAKE_LOG"); text != "" {
		f.log(req, text)
	}
	fmt.Fprint(os.Stderr, os.Getenv("FAKE_STDERR"))
	resp := &rpc.CriuResp{Type: ptr(req.GetType()), Success: ptr(false)}
	if message := os.Getenv("FAKE_MESSAGE"); message != "" {
		resp.CrErrmsg = &message
	}
	if os.Getenv("FAKE_ERRNO") != "" {
		resp.CrErrno = ptr(int32(environ("FAKE_ERRNO")))
	}
	f.send(resp)
}

// fakeMalformed answers with what is none.
func fakeMalformed(f *fake) {
	req := f.receive()
	good, err := (&rpc.CriuResp{Type: ptr(req.GetType()), Success: ptr(true)}).MarshalVT()
	must(err)
	switch kind := os.Getenv("FAKE_KIND"); kind {
	case "garbage":
		f.sendRaw([]byte("\xff\xff\xff\xff"))
	case "nothing":
		f.sendRaw(nil)
	case "cut off":
		f.sendRaw(good[:len(good)-1])
	case "incomplete":
		f.sendRaw(good[:2])
	case "too large":
		f.sendRaw(append(good, make([]byte, maxMessage)...))
	case "large":
		f.send(&rpc.CriuResp{Type: ptr(req.GetType()), Success: ptr(true), CrErrmsg: ptr(strings.Repeat("x", maxMessage-100))})
	case "another type":
		f.answer(rpc.CriuReqType_RESTORE, true)
	case "empty":
		f.answer(rpc.CriuReqType_EMPTY, true)
	case "stage":
		f.notify(StagePreDump, 0)
	case "many descriptors":
		f.sendRaw(good, slices.Repeat([]int{1}, 100)...)
	case "descriptor":
		f.sendRaw(good, 1)
	default:
		must(fmt.Errorf("what is %q", kind))
	}
	if f.receive() == nil { // the client hangs up, and that is the end
		exit(0)
	}
	hang()
}

// fakeHolder starts a process that holds the socket, and answers, or dies.
func fakeHolder(f *fake) {
	req := f.receive()
	child := f.self("pause", &syscall.SysProcAttr{Setsid: os.Getenv("FAKE_SETSID") != ""})
	f.report(req, &report{Child: child.Process.Pid})
	if os.Getenv("FAKE_DIE") == "" {
		f.answer(req.GetType(), true)
	}
}

// fakeRestore makes a process as criu would.
func fakeRestore(f *fake) {
	req := f.receive()
	name := "pause"
	if os.Getenv("FAKE_DEAD") != "" {
		name = "nothing"
	}
	pid := f.sibling(name)
	f.report(req, &report{Child: pid})
	if stage := os.Getenv("FAKE_STAGE"); stage != "" && !f.notify(Stage(stage), pid) {
		f.answer(req.GetType(), false)
		return
	}
	switch os.Getenv("FAKE_END") {
	case "success":
		f.send(&rpc.CriuResp{Type: ptr(req.GetType()), Success: ptr(true), Restore: &rpc.CriuRestoreResp{Pid: ptr(int32(pid))}})
	case "failure":
		f.answer(req.GetType(), false)
	}
}

// fakePages is a page server, a child which pauses or has ended.
func fakePages(f *fake) {
	req := f.receive()
	child := f.self(os.Getenv("FAKE_CHILD"), nil)
	f.report(req, &report{Child: child.Process.Pid})
	f.send(&rpc.CriuResp{
		Type: rpc.CriuReqType_PAGE_SERVER.Enum(), Success: ptr(true),
		Ps: &rpc.CriuPageServerInfo{Pid: ptr(int32(child.Process.Pid)), Port: ptr(int32(1234))},
	})
	wait := f.receive()
	if wait == nil {
		return
	}
	if wait.GetType() != rpc.CriuReqType_WAIT_PID || int(wait.GetPid()) != child.Process.Pid {
		must(fmt.Errorf("the request is %v", wait))
	}
	_ = child.Wait()
	status := child.ProcessState.Sys().(syscall.WaitStatus)
	f.send(&rpc.CriuResp{Type: ptr(wait.GetType()), Success: ptr(true), Status: ptr(int32(status))})
}

// fakeLazy is "criu lazy-pages". It writes its arguments into its log.
func fakeLazy(*fake) {
	i := slices.Index(os.Args, "--work-dir")
	j := slices.Index(os.Args, "--log-file")
	text := strings.Join(os.Args, " ") + "\n"
	if os.Getenv("FAKE_LAZY") == "fails" {
		text += "Error (uffd.c:1): no\n"
	}
	log := filepath.Join(os.Args[i+1], os.Args[j+1])
	must(os.WriteFile(log, []byte(text), 0o600))
	switch os.Getenv("FAKE_LAZY") {
	case "fails":
		exit(1)
	case "hangs":
		hang()
	}
	_, err := unix.Write(lazyReady, []byte{0})
	must(err)
	end, err := os.ReadFile(filepath.Join(os.Args[i+1], "fifo")) // which waits for the test
	must(err)
	if string(end) != "0" {
		fmt.Fprintln(os.Stderr, "Error (uffd.c:2): lost the page server")
		exit(1)
	}
}

// fakeProbe answers what can be asked of a criu of FAKE_VERSION, which has all if FAKE_ALL is set.
func fakeProbe(f *fake) {
	has := os.Getenv("FAKE_ALL") != ""
	if slices.Contains(os.Args, "check") {
		if slices.Contains(os.Args, "network_lock_nftables") && has {
			exit(0)
		}
		exit(1)
	}
	req := f.receive()
	resp := &rpc.CriuResp{Type: ptr(req.GetType()), Success: ptr(true)}
	switch req.GetType() {
	case rpc.CriuReqType_VERSION:
		v := environ("FAKE_VERSION")
		resp.Version = &rpc.CriuVersion{MajorNumber: ptr(int32(v / 100)), MinorNumber: ptr(int32(v % 100)), Sublevel: ptr(int32(1))}
	case rpc.CriuReqType_CHECK:
		if resp.Success = &has; !has {
			f.log(req, "Error (check.c:1): no kernel\n")
		}
	case rpc.CriuReqType_FEATURE_CHECK:
		resp.Success = ptr(os.Getenv("FAKE_OLD") == "")
		resp.Features = &rpc.CriuFeatures{MemTrack: &has, LazyPages: &has, PidfdStore: &has}
	}
	f.send(resp)
}
