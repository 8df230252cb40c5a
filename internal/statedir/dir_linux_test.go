package statedir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// holderEnv makes this program one that locks the directory of that path, says so,
// and holds the lock until its standard input ends.
const holderEnv = "STATEDIR_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderEnv); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

func hold(path string) {
	d, err := Open(path)
	if err == nil {
		_, err = d.Lock(context.Background(), true)
	}
	fmt.Println(err)
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// startHolder returns when another program has the lock; kill ends it.
func startHolder(t *testing.T, d *Dir) (kill func()) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holderEnv+"="+d.Path())
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "<nil>\n" {
		t.Fatalf("the other program could not lock: %s%v", line, err)
	}
	return kill
}

func create(t *testing.T) *Dir {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "dir"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func reopen(t *testing.T, d *Dir) *Dir {
	t.Helper()
	other, err := Open(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func mustLock(t *testing.T, d *Dir, exclusive bool) (unlock func()) {
	t.Helper()
	unlock, err := d.Lock(t.Context(), exclusive)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}

func TestDirIsTheSame(t *testing.T) {
	d := create(t)
	check := func(what string, d *Dir, want bool) {
		t.Helper()
		if got, err := d.Exists(); got != want || err != nil {
			t.Errorf("%s: exists %v, error %v", what, got, err)
		}
	}
	if _, err := Create(d.Path()); !errors.Is(err, os.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := d.Save([]byte("x")); err != nil {
		t.Fatal(err)
	}
	check("with a file", d, true)
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	check("removed", d, false)
	check("a handle on nothing", reopen(t, d), false)
	if _, err := d.Lock(t.Context(), true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock of what does not exist: %v", err)
	}
	if _, err := d.Lock(t.Context(), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("shared lock of what does not exist: %v", err)
	}
	other, err := Create(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	check("another one of its path", d, false)
	check("the other one", other, true)
}

func TestSaveAndLoad(t *testing.T) {
	d := create(t)
	if _, _, err := d.Load(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if v, err := d.Version(); v != (Version{}) || err != nil {
		t.Errorf("no file: version %v, error %v", v, err)
	}
	seen := make(map[Version]bool)
	for _, text := range []string{"one", "one", "two"} { // the same content is another version
		saved, err := d.Save([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		data, loaded, err := reopen(t, d).Load()
		if err != nil || string(data) != text || loaded != saved {
			t.Errorf("loaded %q of version %v, want %q of %v; error %v", data, loaded, text, saved, err)
		}
		if v, err := d.Version(); v != saved || err != nil {
			t.Errorf("version %v, want %v; error %v", v, saved, err)
		}
		if seen[saved] {
			t.Errorf("%q has the version of an earlier one", text)
		}
		seen[saved] = true
	}
	if entries, _ := os.ReadDir(d.Path()); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	for range 2 {
		if err := d.Forget(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(d.StateFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("forgotten: %v", err)
	}
}

func TestHandlesExcludeEachOther(t *testing.T) {
	d := create(t)
	other := reopen(t, d)
	unlock := mustLock(t, d, true)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 2)
	for _, exclusive := range []bool{true, false} {
		go func() {
			_, err := reopen(t, d).Lock(ctx, exclusive)
			got <- err
		}()
	}
	cancel()
	for range 2 {
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("lock that another has: %v", err)
		}
	}
	locked := make(chan error)
	go func() {
		unlock, err := other.Lock(context.Background(), true)
		if err == nil {
			unlock()
		}
		locked <- err
	}()
	unlock()
	if err := <-locked; err != nil {
		t.Error(err)
	}
	for _, d := range []*Dir{d, d, other} { // all at the same time
		defer mustLock(t, d, false)()
	}
}

func TestHandlesUnderLoad(t *testing.T) {
	d := create(t)
	handles := []*Dir{d, reopen(t, d), reopen(t, d)}
	files := openFiles(t)
	var next sync.Mutex
	n := 0
	contend(t, 200, func(ctx context.Context, exclusive bool) (func(), error) {
		next.Lock()
		n++
		d := handles[n%len(handles)]
		next.Unlock()
		return d.Lock(ctx, exclusive)
	})
	for _, d := range handles {
		checkFree(t, &d.lock)
		if d.shared != nil {
			t.Error("a share is left")
		}
	}
	if now := openFiles(t); now != files {
		t.Errorf("%d descriptors are open, were %d", now, files)
	}
}

func openFiles(t *testing.T) int { return entries(t, "/proc/self/fd") }

func threads(t *testing.T) int { return entries(t, "/proc/self/task") }

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Those who give up leave neither threads nor descriptors, and have none while they
// wait. flock(2) in a goroutine would leave a thread each.
func TestWaitersTakeNoThreads(t *testing.T) {
	d := create(t)
	defer mustLock(t, d, true)()
	beforeThreads, beforeFiles := threads(t), openFiles(t)
	other := reopen(t, d)
	const count = 300
	for _, exclusive := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range count {
			waiting.Go(func() {
				if _, err := other.Lock(ctx, exclusive); !errors.Is(err, context.Canceled) {
					t.Errorf("lock that another has: %v", err)
				}
			})
		}
		for sharers(other) < count && !exclusive {
			runtime.Gosched()
		}
		if exclusive {
			awaitQueue(&other.lock, count-1)
		}
		if n := openFiles(t) - beforeFiles; n > 2 {
			t.Errorf("exclusive %v: %d descriptors more while %d wait", exclusive, n, count)
		}
		if n := threads(t) - beforeThreads; n > 20 {
			t.Errorf("exclusive %v: %d threads more while %d wait", exclusive, n, count)
		}
		cancel()
		waiting.Wait()
		if now := openFiles(t); now != beforeFiles {
			t.Errorf("exclusive %v: %d descriptors are open, were %d", exclusive, now, beforeFiles)
		}
	}
}

func sharers(d *Dir) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shared == nil {
		return 0
	}
	return d.shared.users
}

// The lock of a program that is killed goes to those who wait.
func TestHolderDies(t *testing.T) {
	d := create(t)
	for _, exclusive := range []bool{true, false} {
		kill := startHolder(t, d)
		locked := make(chan error)
		go func() {
			unlock, err := d.Lock(context.Background(), exclusive)
			if err == nil {
				unlock()
			}
			locked <- err
		}()
		awaitWatch(t)
		kill()
		if err := <-locked; err != nil {
			t.Errorf("exclusive %v: %v", exclusive, err)
		}
	}
}

// awaitWatch returns when this program waits for a lock by inotify.
func awaitWatch(t *testing.T) {
	t.Helper()
	for {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.Contains(to, "inotify") {
				return
			}
		}
		runtime.Gosched()
	}
}

// Where there is no descriptor left for inotify, one waits nevertheless.
func TestWaitWithoutEvents(t *testing.T) {
	d := create(t)
	kill := startHolder(t, d)
	f, err := openFlock(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	if w, err := f.watch(); err == nil {
		w.Close()
		t.Error("a descriptor was free")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	given := f.take(ctx, unix.LOCK_EX)
	locked := make(chan error)
	go func() { locked <- f.take(context.Background(), unix.LOCK_EX) }()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(given, context.Canceled) {
		t.Errorf("with a context that has ended: %v", given)
	}
	kill()
	if err := <-locked; err != nil {
		t.Error(err)
	}
}
