package memevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func writeEvents(t *testing.T, dir string, kills int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "memory.events"), []byte(eventsText(kills)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func eventsText(kills int) string {
	return fmt.Sprintf("low 0\nhigh 9\nmax 7\noom 5\noom_kill %d\noom_group_kill 3\n", kills)
}

func writePopulated(t *testing.T, dir string, populated int) {
	t.Helper()
	text := fmt.Sprintf("populated %d\nfrozen 0\n", populated)
	if err := os.WriteFile(filepath.Join(dir, "cgroup.events"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The files of cgroup v2, as plain ones: inotify works on both. Writing one makes
// two changes, since it is emptied first; the kernel's have none in between.
func TestMemoryEvents(t *testing.T) {
	dir := t.TempDir()
	writeEvents(t, dir, 4) // before anybody asked
	writePopulated(t, dir, 1)
	m, err := newMemoryEvents(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	total := uint64(0)
	for _, kills := range []int{4, 5, 5, 8} {
		writeEvents(t, dir, kills)
		n, last := m.next()
		if last {
			t.Fatal("the end, with processes there")
		}
		total += n
	}
	writeEvents(t, dir, 10)
	writePopulated(t, dir, 0)
	for last := false; !last; {
		var n uint64
		n, last = m.next()
		total += n
	}
	if total != 6 {
		t.Errorf("%d events, want 6", total)
	}
}

func TestMemoryEventsStop(t *testing.T) {
	dir := t.TempDir()
	writeEvents(t, dir, 0)
	writePopulated(t, dir, 1)
	m, err := newMemoryEvents(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	m.stop()
	writeEvents(t, dir, 2)
	total := uint64(0)
	for last := false; !last; {
		var n uint64
		n, last = m.next()
		total += n
	}
	if total != 2 {
		t.Errorf("%d events before the stop, want 2", total)
	}
	if m, err := newMemoryEvents(t.TempDir()); err == nil {
		m.close()
		t.Error("no error without the files")
	}
}

// newFakeOOM gives a source on plain files, to which the test tells what a kernel would.
func newFakeOOM(t *testing.T, text string) (o *oomKills, tell func(times uint64), write func(text string)) {
	t.Helper()
	dir := t.TempDir()
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "memory.oom_control"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	source, err := OOM(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.close)
	o, ok := source.(*oomKills)
	if !ok {
		t.Fatalf("the source is a %T", source)
	}
	return o, func(times uint64) {
		t.Helper()
		if _, err := o.counter.Write(binary.NativeEndian.AppendUint64(nil, times)); err != nil {
			t.Fatal(err)
		}
	}, write
}

// The kernel tells before it kills, and more often; an event is a kill.
func TestOOMKills(t *testing.T) {
	o, tell, write := newFakeOOM(t, "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
	tell(1)
	if n, last := o.next(); n != 0 || last {
		t.Errorf("before the kill: %d, %v", n, last)
	}
	write("oom_kill_disable 0\nunder_oom 1\noom_kill 5\n")
	if n, last := o.next(); n != 1 || last {
		t.Errorf("after the kill, of which nobody tells: %d, %v", n, last)
	}
	tell(28)
	if n, last := o.next(); n != 0 || last {
		t.Errorf("told 28 times more: %d, %v", n, last)
	}
	write("oom_kill_disable 0\nunder_oom 0\noom_kill 8\n")
	o.stop()
	total, rounds := uint64(0), 0
	for last := false; !last; rounds++ {
		var n uint64
		n, last = o.next()
		total += n
	}
	if total != 3 || rounds != 1 {
		t.Errorf("%d events in %d rounds until the stop, want 3 in one", total, rounds)
	}
}

// With nobody to be killed each time counts.
func TestOOMKillDisabled(t *testing.T) {
	o, tell, _ := newFakeOOM(t, "oom_kill_disable 1\nunder_oom 1\noom_kill 0\n")
	for range 2 {
		tell(3)
		if n, last := o.next(); n != 1 || last {
			t.Errorf("%d events, %v", n, last)
		}
		if n, last := o.next(); n != 0 || last {
			t.Errorf("%d events at a look of its own, %v", n, last)
		}
	}
}

// A kernel that does not count.
func TestOOMOfOldKernel(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "memory.oom_control"), []byte("oom_kill_disable 0\nunder_oom 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := OOM(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer source.close()
	if _, ok := source.(*eventfd); !ok {
		t.Errorf("the source is a %T", source)
	}
}

func TestDeliver(t *testing.T) {
	counts, events := make(chan uint64), make(chan struct{}, eventBuffer)
	go deliver(counts, events)
	counts <- 1000 // nobody receives
	counts <- 0
	for range 900 {
		<-events
	}
	counts <- 20
	close(counts)
	n := 0
	for range events {
		n++
	}
	if n != 120 {
		t.Errorf("%d events after the end, want 120", n)
	}
}

func TestNotifiers(t *testing.T) {
	dir := t.TempDir()
	writeEvents(t, dir, 0)
	writePopulated(t, dir, 1)
	var n Notifiers
	n.Stop() // nothing
	var channels []<-chan struct{}
	for range 2 {
		source, err := OOM(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		channels = append(channels, n.Start(source))
	}
	// In one write, without emptying it first: a reader may come at any moment.
	events, err := os.OpenFile(filepath.Join(dir, "memory.events"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	if _, err := events.WriteString(eventsText(3)); err != nil {
		t.Fatal(err)
	}
	<-channels[0]
	n.Stop()
	for i, want := range []int{2, 3} {
		got := 0
		for range channels[i] {
			got++
		}
		if got != want {
			t.Errorf("%d events of source %d after the stop, want %d", got, i, want)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.active) > 0 { // its goroutine is about to remove it
		n.mu.Unlock()
		runtime.Gosched()
		n.mu.Lock()
	}
	if _, err := Pressure(dir, true, Critical+1); err == nil {
		t.Error("no error for an unknown level")
	}
	for _, unified := range []bool{false, true} {
		if _, err := Pressure(dir, unified, Low); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("unified %v, no such file: %v", unified, err)
		}
	}
}
