//world:one

package integration

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// migrateExample gives the command of the example, and whether memory is sent in rounds here.
func migrateExample(t *testing.T, args ...string) (cmd *exec.Cmd, rounds bool) {
	t.Helper()
	criu := os.Getenv("LIBCONTAINER_CRIU")
	if criu == "" {
		criu = "criu"
	}
	if _, err := exec.LookPath(criu); err != nil {
		t.Skipf("there is no criu: %v", err)
	}
	features, err := (&libcontainer.LinuxFactory{CriuPath: criu}).CriuFeatures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-criu", criu, "-after", "100ms"}, args...)
	return exec.Command(buildProgram(t, "migrate"), args...), features.MemTrack
}

// checkRounds looks at what the example says of a move.
func checkRounds(t *testing.T, said string, rounds bool) {
	t.Helper()
	want := []string{"last round: ", " pages sent, frozen for ", "moved: runs as process "}
	if rounds {
		want = append(want, "round 1: ", " had not changed")
	} else {
		want = append(want, "no rounds: the kernel does not track changes of memory")
	}
	for _, text := range want {
		if !strings.Contains(said, text) {
			t.Errorf("it does not say %q: %q", text, said)
		}
	}
}

// The program counts on at the other place, with no number lost or told twice.
func TestMigrateExample(t *testing.T) {
	checkLeaks(t)
	cmd, rounds := migrateExample(t, newRootfs(t), "/bin/sh", "-c", "trap 'exit 7' USR1; "+counter)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	stderr, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	pid := make(chan int, 1)
	go func() {
		defer close(pid)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if _, rest, moved := strings.Cut(lines.Text(), "moved: runs as process "); moved {
				word, _, _ := strings.Cut(rest, " ")
				n, _ := strconv.Atoi(word)
				pid <- n
			}
		}
	}()
	last, moved := 0, 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil || n != last+1 {
			t.Fatalf("after %d comes %q", last, lines.Text())
		}
		last = n
		select {
		case init, ok := <-pid:
			if !ok {
				continue
			}
			moved = n
			if err := syscall.Kill(init, syscall.SIGUSR1); err != nil {
				t.Fatalf("signal to process %d: %v", init, err)
			}
		default:
		}
	}
	for range pid { // until all has been said
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 || moved == 0 {
		t.Errorf("error %v, want exit status 7; it was at %d after the move; output %q", err, moved, &said)
	}
	checkRounds(t, said.String(), rounds)
	if strings.ContainsAny(said.String(), "\r\x1b") {
		t.Errorf("control characters are on what is no terminal: %q", &said)
	}
}

func TestMigrateExampleOnTerminal(t *testing.T) {
	checkLeaks(t)
	// Criu may end a sleep(3) early, as a signal does.
	cmd, rounds := migrateExample(t, newRootfs(t), "/bin/sh", "-c", "while :; do sleep 1; done")
	term := startOnTerminal(t, cmd)
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	var said strings.Builder
	for !strings.Contains(said.String(), "moved: ") && term.Scan() {
		said.WriteString(term.Text() + "\n")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	for term.Scan() {
		said.WriteString(term.Text() + "\n")
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("error %v, want exit status 1", err)
	}
	checkRounds(t, said.String(), rounds)
	for _, text := range []string{"\r\x1b[Kround 1  [", " MiB", "\r\x1b[Krestore post-restore"} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("on a terminal there is no %q: %q", text, said.String())
		}
	}
}

func TestMigrateExampleRefuses(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "migrate"), newRootfs(t)
	wantFailure(t, exec.Command(bin, rootfs), 2, "usage")
	wantFailure(t, exec.Command(bin, "/nosuch", "true"), 1, "/nosuch")
	wantFailure(t, exec.Command(bin, rootfs, "nosuch"), 1, "nosuch")
	wantFailure(t, exec.Command(bin, "-criu", "/no/criu", "-after", "0s", rootfs, "sleep", "100000"), 1, "install CRIU")
}
