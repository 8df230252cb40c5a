package libcontainer

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// callNames are the calls in the table of phase's comment.
var callNames = [callCount]string{
	callStart: "Start", callStartAgain: "Start again", callPrepare: "Prepare", callRelease: "Release",
	callRestore: "Restore", callPause: "Pause", callSignal: "Signal", callSignalAll: "SignalAll",
	callSet: "Set", callStats: "Stats", callProcesses: "Processes",
	callNotify: "Notify", callWait: "Wait", callDestroy: "Destroy",
}

// tableOfComment reads the table: what is allowed, by call and phase.
func tableOfComment(t *testing.T) map[string][]string {
	t.Helper()
	source, err := os.ReadFile("phase_linux.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(source), "\ntype phase int\n")
	table := make(map[string][]string)
	inTable := false
	for line := range strings.Lines(comment) {
		row, isRow := strings.CutPrefix(line, "//\t")
		inTable = isRow && (inTable || strings.Contains(row, "claimed     starting"))
		const nameWidth = 12
		if inTable && len(row) > nameWidth {
			table[strings.TrimSpace(row[:nameWidth])] = strings.Fields(row[nameWidth:])
		}
	}
	return table
}

// The comment of phase says what the code does.
func TestPhases(t *testing.T) {
	codes := map[string]ErrorCode{
		"NotExists": ContainerNotExists, "NotRunning": ContainerNotRunning, "NotStopped": ContainerNotStopped,
	}
	table := tableOfComment(t)
	var head []string
	for p := range phaseCount {
		head = append(head, p.String())
	}
	if !slices.Equal(table[""], head) || len(table) != int(callCount)+1 {
		t.Fatalf("the table has %d rows, and the phases %q, want %q", len(table), table[""], head)
	}
	v := newTestContainer(t).view() // with a driver, since a message has the status
	for call := range callCount {
		name, row := callNames[call], table[callNames[call]]
		if len(row) != len(head) {
			t.Errorf("%s: the table has %d phases", name, len(row))
			continue
		}
		for p := range phaseCount {
			err := v.allow(call, p, "do it")
			code, refused := codes[row[p]]
			switch {
			case !refused && row[p] != "ok":
				t.Errorf("%s, %s: the table has %q", name, p, row[p])
			case !refused && err != nil:
				t.Errorf("%s, %s: error %v", name, p, err)
			case refused && !errors.Is(err, code):
				t.Errorf("%s, %s: error %v, want code %q", name, p, err, code)
			case refused && (!strings.HasPrefix(err.Error(), "do it") || !strings.Contains(err.Error(), `"some"`) ||
				strings.Contains(err.Error(), "%")):
				t.Errorf("%s, %s: the message is %q", name, p, err)
			}
		}
	}
}

func TestMessagesOfPhases(t *testing.T) {
	v := &view{c: &Instance{id: "some"}}
	for _, test := range []struct {
		call call
		p    phase
		step string
		want string
	}{
		{callPause, phaseClaimed, "pause", `pause container "some": it is created`},
		{callPause, phaseEnded, "resume", `resume container "some": it is destroyed`},
		{callSignal, phaseEnded, "signal container", `signal container "some": it does not run`},
		{callSignal, phaseGone, "signal container", `signal container "some": it does not exist`},
		{callPrepare, phasePrepared, "prepare process", `prepare process: container "some" is prepared already`},
		{callRelease, phaseRunning, "release process", `release process: the process of container "some" has been released before`},
		{callWait, phaseClaimed, "wait for container", `wait for container: container "some" has not been started`},
		{callStats, phaseGone, "read statistics", `read statistics: container "some" does not exist`},
	} {
		if err := v.allow(test.call, test.p, test.step); err == nil || err.Error() != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
}

func newTestContainer(t *testing.T) *Instance {
	t.Helper()
	factory, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config := &configs.Config{Rootfs: t.TempDir(), Namespaces: configs.Namespaces{{Type: configs.NEWNS}}}
	container, err := factory.Create("some", config)
	if err != nil {
		t.Fatal(err)
	}
	return container.(*Instance)
}

// startIdle starts a process that is there until the test ends.
func startIdle(t *testing.T) *pidfd.Process {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ref, err := pidfd.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ref.Close()
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return ref
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// An init is alive for all who look at a view in which it is, also when another one takes
// its place meanwhile, and no descriptor is left when nobody looks any more.
func TestReadersOfViews(t *testing.T) {
	c := newTestContainer(t)
	refs := []*pidfd.Process{startIdle(t), startIdle(t)}
	before := openDescriptors(t)
	const rounds = 2000
	var writer, readers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				v := c.acquire()
				alive, err := v.init.Alive()
				if v.phase == phaseRunning != alive || err != nil {
					t.Errorf("in the phase %s, init is alive %v, error %v", v.phase, alive, err)
				}
				v.close()
			}
		})
	}
	writer.Go(func() {
		for i := range rounds {
			// A reference of its own, which nothing but the view keeps open.
			ref, err := pidfd.Open(refs[i%len(refs)].Pid())
			if err != nil {
				t.Error(err)
				return
			}
			if err := c.haveInit(ref); err != nil {
				t.Error(err)
			}
			ref.Close()
			c.set(func(next *view) { next.pausing = !next.pausing })
			if i%3 == 0 {
				c.set((*view).dropInit)
			}
		}
	})
	writer.Wait()
	stop()
	readers.Wait()
	c.endDestroy(true)
	if now := openDescriptors(t); now != before {
		t.Errorf("%d descriptors are open, were %d", now, before)
	}
}

// What happens after the end of a container does not bring it back.
func TestGoneStays(t *testing.T) {
	c := newTestContainer(t)
	c.endDestroy(true)
	if err := c.haveInit(startIdle(t)); !errors.Is(err, ContainerNotExists) {
		t.Errorf("an init for what is gone: %v", err)
	}
	if v := c.view(); v.phase != phaseGone || v.init != nil {
		t.Errorf("phase %s, init %v", v.phase, v.init)
	}
	if err := context.Cause(c.view().life); !errors.Is(err, ContainerNotExists) {
		t.Errorf("its life ended with %v", err)
	}
}

// A handle takes over what another one has written: a start that was planned, an init,
// and that the start was taken back.
func TestViewFollowsStateFile(t *testing.T) {
	c := newTestContainer(t)
	loaded, err := c.factory.Load(c.id)
	if err != nil {
		t.Fatal(err)
	}
	other := loaded.(*Instance)
	ref := startIdle(t)
	before := openDescriptors(t)
	check := func(want phase, status Status, pid int) {
		t.Helper()
		v, err := other.look("look")
		if err != nil {
			t.Fatal(err)
		}
		defer v.close()
		got, at, err := v.status()
		if v.phase != want || at != want || got != status || v.init.Pid() != pid || err != nil {
			t.Errorf("phase %s, at %s, status %s, init %d, error %v; want %s, %s, %d",
				v.phase, at, got, v.init.Pid(), err, want, status, pid)
		}
	}
	check(phaseClaimed, Created, 0)
	if err := c.change(func(next *view) error {
		next.phase = phaseStarting
		return next.save(next.state())
	}); err != nil {
		t.Fatal(err)
	}
	check(phaseStarting, Created, 0)
	if err := errors.Join(c.haveInit(ref), c.saveState()); err != nil {
		t.Fatal(err)
	}
	check(phaseRunning, Running, ref.Pid())
	if err := c.undoStart(); err != nil {
		t.Fatal(err)
	}
	check(phaseClaimed, Created, 0)
	if err := c.dir.Remove(); err != nil {
		t.Fatal(err)
	}
	check(phaseGone, Destroyed, 0)
	c.endDestroy(true)
	other.endDestroy(true)
	if now := openDescriptors(t); now != before {
		t.Errorf("%d descriptors are open, were %d", now, before)
	}
}

// To wait for an init takes no descriptor: a program that has none left must not take a
// container that runs for one of which nothing is known.
func TestWaitWithoutDescriptors(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read line; exit 7")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	c := newTestContainer(t)
	ref, err := pidfd.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close()
	if err := c.haveInit(ref); err != nil {
		t.Fatal(err)
	}
	c.set(func(next *view) { next.cgroups = frozenUnseen{} })
	defer c.endDestroy(true)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 3, Max: limit.Max} // those that are open stay
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	if _, err := os.Open("/"); !errors.Is(err, unix.EMFILE) {
		t.Fatalf("there are descriptors left, error %v", err)
	}
	// What cannot be looked at is an error, and no answer.
	if settingUp, err := c.view().isSettingUp(); !errors.Is(err, unix.EMFILE) {
		t.Errorf("is it being set up? %v, error %v", settingUp, err)
	}
	if err := c.view().thaw(); !errors.Is(err, unix.EMFILE) {
		t.Errorf("thaw: error %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if status, err := c.Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("while it runs: status %v, error %v", status, err)
	}
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	if status, err := c.Wait(t.Context()); err != nil || status.ExitStatus() != 7 {
		t.Errorf("at its end: status %v, error %v; want exit status 7", status, err)
	}
}

// frozenUnseen has a freezer which nobody can read that has no descriptor.
type frozenUnseen struct{ cgroups.Driver }

func (frozenUnseen) FreezerState() (configs.FreezerState, error) {
	_, err := os.ReadFile("/proc/self/cgroup")
	return configs.Undefined, err
}
