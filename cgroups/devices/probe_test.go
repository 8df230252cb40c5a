//go:build linux

package devices

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// probeDir in the environment makes the test's program a probe: a process in a
// cgroup that tries to use devices. It names the directory with their nodes.
//
// The kernel cannot run a program of this type by BPF_PROG_TEST_RUN.
const probeDir = "LC_DEVICES_PROBE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(probeDir); dir != "" {
		if err := serve(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// question is an access to one of testDevices. In the pipe to the probe it is two
// bytes, and its answer is one.
type question struct {
	device byte // an index
	access Access
}

const (
	answerNo    = 'n'
	answerYes   = 'y'
	answerError = '?'
)

// allQuestions returns every question that a process can ask of the kernel: making
// a node is an access by itself.
func allQuestions() []question {
	var list []question
	for i := range testDevices() {
		for _, access := range []Access{0, Mknod, Read, Write, Read | Write} {
			list = append(list, question{byte(i), access})
		}
	}
	return list
}

// serve makes all devices' nodes, on a tmpfs that nobody else sees, says yes to that,
// and answers questions, in blocks as they come, until the end of in.
func serve(dir string, in io.Reader, out io.Writer) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	for i, d := range testDevices() {
		if err := makeNode(nodePath(dir, byte(i)), d); err != nil {
			return err
		}
	}
	if _, err := out.Write([]byte{answerYes}); err != nil {
		return err
	}
	questions, answers := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		device, err := questions.ReadByte()
		if err != nil {
			return answers.Flush()
		}
		access, err := questions.ReadByte()
		if err != nil {
			return err
		}
		if err := answers.WriteByte(try(dir, device, Access(access))); err != nil {
			return err
		}
		if questions.Buffered() > 0 {
			continue
		}
		if err := answers.Flush(); err != nil {
			return err
		}
	}
}

// try uses a device. The kernel asks the cgroup before it looks for a driver, and
// also when access(2) asks whether a node may be opened.
func try(dir string, index byte, access Access) byte {
	var err error
	if access == Mknod {
		path := filepath.Join(dir, "new")
		if err = makeNode(path, testDevices()[index]); err == nil {
			err = os.Remove(path)
		}
	} else {
		err = open(nodePath(dir, index), testDevices()[index], access)
	}
	switch {
	case err == nil:
		return answerYes
	case errors.Is(err, unix.EPERM):
		return answerNo
	}
	fmt.Fprintln(os.Stderr, "the probe:", err)
	return answerError
}

func nodePath(dir string, index byte) string {
	return filepath.Join(dir, fmt.Sprint(index))
}

func makeNode(path string, d deviceNumber) error {
	mode := uint32(unix.S_IFBLK)
	if d.kind == 'c' {
		mode = unix.S_IFCHR
	}
	return os.NewSyscallError("mknod", unix.Mknod(path, mode|0o666, int(unix.Mkdev(d.major, d.minor))))
}

// open opens /dev/null and /dev/zero, which is known to be harmless, and asks of the
// other devices whether they could be opened.
func open(path string, d deviceNumber, access Access) error {
	if d.kind == 'c' && d.major == 1 && (d.minor == 3 || d.minor == 5) && access != 0 {
		mode := map[Access]int{Read: unix.O_RDONLY, Write: unix.O_WRONLY, Read | Write: unix.O_RDWR}[access]
		fd, err := unix.Open(path, mode|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return os.NewSyscallError("open", err)
	}
	mode := map[Access]uint32{0: unix.F_OK, Read: unix.R_OK, Write: unix.W_OK, Read | Write: unix.R_OK | unix.W_OK}[access]
	return os.NewSyscallError("access", unix.Access(path, mode))
}

// probe is a running process of serve.
type probe struct {
	in  io.WriteCloser
	out io.Reader
}

// startProbe starts a probe and moves it into a cgroup directory of either version.
func startProbe(t *testing.T, cgroup string) *probe {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	// The race detector sleeps for a second at exit.
	cmd.Env = append(os.Environ(), probeDir+"="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	p := &probe{in: in, out: out}
	if _, err := p.answers(1); err != nil {
		t.Fatal(err)
	}
	if err := cgroups.EnterPid(map[string]string{"": cgroup}, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return p
}

// ask sends questions. They are answered in their order.
func (p *probe) ask(questions []question) error {
	var raw []byte
	for _, q := range questions {
		raw = append(raw, q.device, byte(q.access))
	}
	_, err := p.in.Write(raw)
	return err
}

// answers waits for so many answers.
func (p *probe) answers(count int) ([]byte, error) {
	answers := make([]byte, count)
	_, err := io.ReadFull(p.out, answers)
	return answers, err
}

// mustAnswer asks and waits.
func (p *probe) mustAnswer(t *testing.T, questions []question) []byte {
	t.Helper()
	if err := p.ask(questions); err != nil {
		t.Fatal(err)
	}
	answers, err := p.answers(len(questions))
	if err != nil {
		t.Fatal(err)
	}
	return answers
}
