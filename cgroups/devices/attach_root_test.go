//go:build linux

package devices

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// rootUnified makes a cgroup v2 to attach programs to, and opens it. The test ends
// with as many open files as it had then.
func rootUnified(t *testing.T) (dir int, path string) {
	t.Helper()
	path, reason := rootCgroup(t, "")
	if reason != "" {
		t.Skip(reason)
	}
	dir = openDir(t, path)
	if err := Attach(dir, false, nil, nil); unavailable(err) {
		t.Skip(err)
	}
	before := openFiles(t)
	t.Cleanup(func() {
		if after := openFiles(t); after != before {
			t.Errorf("%d files are open, before it were %d", after, before)
		}
	})
	return dir, path
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// attachedTo returns ids and names of the programs that are attached to a cgroup, as
// an independent library sees them.
func attachedTo(t *testing.T, dir int) (ids []ebpf.ProgramID, names []string) {
	t.Helper()
	result, err := link.QueryPrograms(link.QueryOptions{Target: dir, Attach: ebpf.AttachCGroupDevice})
	if err != nil {
		t.Fatal(err)
	}
	for _, attached := range result.Programs {
		p, err := ebpf.NewProgramFromID(attached.ID)
		if err != nil {
			t.Fatal(err)
		}
		info, err := p.Info()
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		ids, names = append(ids, attached.ID), append(names, info.Name)
	}
	return ids, names
}

func checkAttached(t *testing.T, dir int, want ...string) {
	t.Helper()
	if _, names := attachedTo(t, dir); !slices.Equal(names, want) {
		t.Errorf("attached are %q, want %q", names, want)
	}
}

// attachOther attaches a program that denies the devices of a list, with other
// flags than ours.
func attachOther(t *testing.T, dir int, name string, flags uint32, denied ...*configs.Device) {
	t.Helper()
	rules, err := New(true, nil, denied)
	if err != nil {
		t.Fatal(err)
	}
	code, err := compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	p, err := load(name, code)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ebpf.NewProgramFromFD(int(p))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	err = link.RawAttachProgram(link.RawAttachProgramOptions{Target: dir, Program: other, Attach: ebpf.AttachCGroupDevice, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
}

func mustAttach(t *testing.T, dir int, allowAll bool, list ...*configs.Device) {
	t.Helper()
	if err := Attach(dir, allowAll, list, list); err != nil {
		t.Fatal(err)
	}
}

// Each call leaves one program, or none for rules that forbid nothing.
func TestRootAttachReplaces(t *testing.T) {
	dir, _ := rootUnified(t)
	null := device('c', 1, 3, "rwm")
	var last ebpf.ProgramID
	for range 3 {
		mustAttach(t, dir, false, null)
		checkAttached(t, dir, programName)
		ids, _ := attachedTo(t, dir)
		if ids[0] == last {
			t.Error("the earlier program is still attached")
		}
		last = ids[0]
	}
	for range 2 {
		mustAttach(t, dir, true)
		checkAttached(t, dir)
	}
	mustAttach(t, dir, true, null)
	checkAttached(t, dir, programName)
	mustAttach(t, dir, false, device('a', every, every, "rwm"))
	checkAttached(t, dir)
}

// More than one program of ours, as an interrupted program of another version of
// this library might leave them, do not stay.
func TestRootAttachLeftovers(t *testing.T) {
	dir, _ := rootUnified(t)
	for _, allowAll := range []bool{false, true} {
		mustAttach(t, dir, true)
		attachOther(t, dir, programName, unix.BPF_F_ALLOW_MULTI)
		attachOther(t, dir, programName, unix.BPF_F_ALLOW_MULTI)
		checkAttached(t, dir, programName, programName)
		mustAttach(t, dir, allowAll)
		if allowAll {
			checkAttached(t, dir)
		} else {
			checkAttached(t, dir, programName)
		}
	}
}

// Programs of others stay, and both judge.
func TestRootAttachBesideOthers(t *testing.T) {
	dir, path := rootUnified(t)
	mustAttach(t, dir, true)
	probe := startProbe(t, path)
	devices := []deviceNumber{{'c', 1, 3}, {'c', 1, 5}, {'b', 136, 0}}
	if got := probe.read(t, devices...); got != "yyy" {
		t.Skip("the devices here are restricted by cgroups above")
	}
	null, zero := device('c', 1, 3, "rwm"), device('c', 1, 5, "rwm")
	attachOther(t, dir, "sd_devices", unix.BPF_F_ALLOW_MULTI, zero)
	for _, step := range []struct {
		allowAll bool
		list     []*configs.Device
		attached []string
		want     string // of null, zero and another
	}{
		{false, []*configs.Device{null, zero}, []string{"sd_devices", programName}, "ynn"},
		{false, []*configs.Device{zero}, []string{"sd_devices", programName}, "nnn"},
		{true, []*configs.Device{null}, []string{"sd_devices", programName}, "nny"},
		{true, nil, []string{"sd_devices"}, "yny"},
	} {
		mustAttach(t, dir, step.allowAll, step.list...)
		checkAttached(t, dir, step.attached...)
		if got := probe.read(t, devices...); got != step.want {
			t.Errorf("%+v: got %q", step, got)
		}
	}
}

// read asks whether devices may be read.
func (p *probe) read(t *testing.T, devices ...deviceNumber) string {
	t.Helper()
	var questions []question
	for _, d := range devices {
		questions = append(questions, question{byte(slices.Index(testDevices(), d)), Read})
	}
	return string(p.mustAnswer(t, questions))
}

// A program that admits no others is not detached, and the error tells of it.
func TestRootAttachExclusive(t *testing.T) {
	above, path := rootUnified(t)
	mustAttach(t, above, true)
	below := filepath.Join(path, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := unix.Open(below, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	attachOther(t, above, "exclusive", 0)
	for _, dir := range []int{above, dir} {
		err := Attach(dir, false, nil, nil)
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "admits no others") {
			t.Errorf("got %v, want EPERM and the reason", err)
		}
		mustAttach(t, dir, true)
	}
	checkAttached(t, above, "exclusive")
	checkAttached(t, dir)
}

// While rules take the place of others, what both allow stays allowed, and what both
// forbid stays forbidden.
func TestRootAttachWithoutGap(t *testing.T) {
	dir, path := rootUnified(t)
	null, zero := device('c', 1, 3, "rw"), device('c', 1, 5, "rw")
	mustAttach(t, dir, false, null)
	probe := startProbe(t, path)
	done := make(chan error, 1)
	go func() {
		var err error
		for range 500 {
			err = errors.Join(err, Attach(dir, true, nil, []*configs.Device{zero}), Attach(dir, false, []*configs.Device{null}, nil))
		}
		done <- err
	}()
	for {
		got := probe.read(t, deviceNumber{'c', 1, 3}, deviceNumber{'c', 1, 5})
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
		if got != "yn" {
			t.Errorf("got %q, want one allowed and one forbidden", got)
			<-done
			return
		}
	}
}

// The largest programs pass the verifier.
func TestRootAttachLimit(t *testing.T) {
	dir, _ := rootUnified(t)
	const most = maxComparisons - 2
	for _, rules := range []Rules{manyRules(1, most-1, 0), manyRules(most/2, 1, 0), manyRules(100, 49, 100)} {
		code, err := compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		p, err := load(programName, code)
		if err != nil {
			t.Fatal(err)
		}
		err = replace(dir, p)
		p.close()
		if err != nil {
			t.Error(err)
		}
	}
}

func TestRootAttachErrors(t *testing.T) {
	root := openDir(t, "/")
	dir, path := rootUnified(t)
	if err := Attach(dir, false, []*configs.Device{nil}, nil); err == nil || !strings.Contains(err.Error(), "AllowedDevices[0]") {
		t.Errorf("a bad rule: %v", err)
	}
	for _, allowAll := range []bool{false, true} {
		if err := Attach(-1, allowAll, nil, nil); !errors.Is(err, unix.EBADF) {
			t.Errorf("no file: %v, want EBADF", err)
		}
		if err := Attach(root, allowAll, nil, nil); !errors.Is(err, unix.EBADF) {
			t.Errorf("no cgroup: %v, want EBADF", err)
		}
	}
	checkAttached(t, dir, programName)
	if err := cgroups.RemovePaths(map[string]string{"": path}); err != nil {
		t.Fatal(err)
	}
	if err := Attach(dir, false, nil, nil); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a cgroup that is gone: %v, want ENOENT", err)
	}
}

// Without privileges, only what needs none works.
func TestRootAttachUnprivileged(t *testing.T) {
	dir, _ := rootUnified(t)
	results := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := dropCapabilities(); err != nil {
			results <- err
			return
		}
		results <- Attach(dir, false, nil, nil)
		results <- Attach(dir, true, nil, nil)
	}()
	err := <-results
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
		t.Fatalf("got %v, want EPERM and the capability", err)
	}
	if err := <-results; err != nil {
		t.Errorf("rules that forbid nothing: %v", err)
	}
	checkAttached(t, dir, programName)
}

// dropCapabilities takes the effective capabilities from the calling thread.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}
