package idpool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// claimerEnv makes this program one that claims and gives up ranges below a directory, for
// holders whose names begin with its pid, until it is killed, and says each that it has.
const claimerEnv = "IDPOOL_TEST_CLAIM"

func TestMain(m *testing.M) {
	if root := os.Getenv(claimerEnv); root != "" {
		if err := claimAndGiveUp(root); err != nil {
			fmt.Println(err)
		}
		return
	}
	os.Exit(m.Run())
}

var pool = configs.IDPool{First: 100000, Size: 1000, Count: 8}

// newHolder makes a holder's directory.
func newHolder(root, name string) (string, error) {
	holder := filepath.Join(root, name)
	return holder, os.Mkdir(holder, 0o700)
}

func poolsOf(root string) string { return filepath.Join(root, ":ids") }

func giveUp(root, holder string) error {
	h, _, err := Find(poolsOf(root), holder)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(holder); err != nil {
		return err
	}
	return h.Release(context.Background())
}

func claimAndGiveUp(root string) error {
	for i := 0; ; i++ {
		holder, err := newHolder(root, fmt.Sprintf("%d-%d", os.Getpid(), i))
		if err != nil {
			return err
		}
		index, err := Claim(context.Background(), poolsOf(root), pool, holder)
		if err != nil && !errors.Is(err, ErrExhausted) {
			return err
		}
		// While another one has it the link cannot be made.
		if used := filepath.Join(root, "used", strconv.Itoa(index)); err == nil {
			if err := os.Symlink(strconv.Itoa(os.Getpid()), used); err != nil {
				return fmt.Errorf("two have the range: %w", err)
			}
			if err := os.Remove(used); err != nil {
				return err
			}
		}
		fmt.Println("ok")
		if err == nil {
			err = giveUp(root, holder)
		} else {
			err = os.RemoveAll(holder)
		}
		if err != nil {
			return err
		}
	}
}

func claimFor(t *testing.T, root, name string) int {
	t.Helper()
	holder, err := newHolder(root, name)
	if err != nil {
		t.Fatal(err)
	}
	index, err := Claim(t.Context(), poolsOf(root), pool, holder)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// claimAll claims what is left, and checks that no range is given twice.
func claimAll(t *testing.T, root, prefix string) (n int) {
	t.Helper()
	seen := make(map[int]string)
	for ; ; n++ {
		holder, err := newHolder(root, prefix+strconv.Itoa(n))
		if err != nil {
			t.Fatal(err)
		}
		index, err := Claim(t.Context(), poolsOf(root), pool, holder)
		if errors.Is(err, ErrExhausted) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if other := seen[index]; other != "" || index < 0 || index >= pool.Count {
			t.Fatalf("%s has range %d, as %q", holder, index, other)
		}
		seen[index] = holder
	}
}

func TestClaimAndRelease(t *testing.T) {
	root := t.TempDir()
	one := claimFor(t, root, "one")
	again, err := Claim(t.Context(), poolsOf(root), pool, filepath.Join(root, "one"))
	if err != nil || again != one {
		t.Errorf("claimed again: %d, %v; had %d", again, err, one)
	}
	if n := claimAll(t, root, "more"); n != pool.Count-1 {
		t.Errorf("%d more, want %d", n, pool.Count-1)
	}
	_, err = Claim(t.Context(), poolsOf(root), pool, filepath.Join(root, "more7"))
	if err == nil || !strings.Contains(err.Error(), "8 ranges of 1000 ids from 100000 on") {
		t.Errorf("the pool is exhausted: %v", err)
	}
	// A holder that is removed by somebody who knows nothing of pools.
	if err := os.RemoveAll(filepath.Join(root, "one")); err != nil {
		t.Fatal(err)
	}
	if index := claimFor(t, root, "two"); index != one {
		t.Errorf("got %d, and %d alone was free", index, one)
	}
	for _, name := range []string{"two", "more0", "more1", "more2", "more3", "more4", "more5", "more6"} {
		if err := giveUp(root, filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(poolsOf(root)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory is left: %v", err)
	}
}

func TestPoolsThatOverlap(t *testing.T) {
	root := t.TempDir()
	claimFor(t, root, "one")
	holder, err := newHolder(root, "other")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pool configs.IDPool
		ok   bool
	}{
		{configs.IDPool{First: 107999, Size: 5, Count: 2}, false},
		{configs.IDPool{First: 1, Size: 100000, Count: 1}, false},
		{configs.IDPool{First: 100000, Size: 1000, Count: 9}, false},
		{configs.IDPool{First: 99990, Size: 5, Count: 2}, true},
		{configs.IDPool{First: 108000, Size: 5, Count: 2}, true},
	} {
		_, err := Claim(t.Context(), poolsOf(root), tt.pool, holder)
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrOverlap) {
			t.Errorf("%v: %v", tt.pool, err)
		}
	}
	// With what is left of a pool that nobody uses there is no conflict.
	if err := os.RemoveAll(filepath.Join(root, "one")); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(t.Context(), poolsOf(root), configs.IDPool{First: 100000, Size: 500, Count: 9}, holder); err != nil {
		t.Error(err)
	}
}

func TestClaimErrors(t *testing.T) {
	root := t.TempDir()
	holder, err := newHolder(root, "one")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []configs.IDPool{{}, {First: 1, Size: 1}, {First: 1, Count: 1}, {Size: 1, Count: 1}, {First: 1, Size: -1, Count: 1}} {
		if _, err := Claim(t.Context(), poolsOf(root), p, holder); err == nil {
			t.Errorf("%v: no error", p)
		}
	}
	if _, err := Claim(t.Context(), poolsOf(root), pool, filepath.Join(root, "nobody")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a holder that is not there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(holder, holderName), []byte("../../etc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(t.Context(), poolsOf(root), pool, holder); err == nil || !strings.Contains(err.Error(), "no range of ids") {
		t.Errorf("a broken file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Claim(ctx, poolsOf(root), pool, holder); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// What a program has left that died between any two of its steps is no obstacle, and no
// range is lost.
func TestClaimThatWasBrokenOff(t *testing.T) {
	for name, leave := range map[string]func(c *claim) error{
		"file of the holder": func(c *claim) error {
			return os.WriteFile(filepath.Join(c.holder, holderName+".new"), []byte("x"), 0o600)
		},
		"both names": func(c *claim) error {
			next := filepath.Join(c.holder, holderName+".new")
			return errors.Join(os.WriteFile(next, []byte("x"), 0o600), os.Link(next, c.file(3)))
		},
		"name in the pool": func(c *claim) error { return os.WriteFile(c.file(3), nil, 0o600) },
		"nothing":          func(c *claim) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			holder, err := newHolder(root, "one")
			if err != nil {
				t.Fatal(err)
			}
			c := &claim{dir: poolsOf(root), pool: pool, holder: holder}
			if err := errors.Join(os.MkdirAll(c.path(), 0o700), leave(c)); err != nil {
				t.Fatal(err)
			}
			if _, err := Claim(t.Context(), poolsOf(root), pool, holder); err != nil {
				t.Fatal(err)
			}
			if n := claimAll(t, root, "more"); n != pool.Count-1 {
				t.Errorf("%d more, want %d", n, pool.Count-1)
			}
		})
	}
}

func TestSweep(t *testing.T) {
	root := t.TempDir()
	if err := Sweep(poolsOf(root)); err != nil {
		t.Errorf("nothing is there: %v", err)
	}
	one, two := claimFor(t, root, "one"), claimFor(t, root, "two")
	if err := os.RemoveAll(filepath.Join(root, "one")); err != nil {
		t.Fatal(err)
	}
	_, unlock, err := statedir.Enter(t.Context(), poolsOf(root))
	if err != nil {
		t.Fatal(err)
	}
	c := &claim{dir: poolsOf(root), pool: pool}
	wantRanges := func(want ...int) {
		t.Helper()
		taken, err := c.list()
		if got := slices.Sorted(maps.Keys(taken)); err != nil || !slices.Equal(got, want) {
			t.Errorf("there are %v, %v; want %v", got, err, want)
		}
	}
	if err := Sweep(poolsOf(root)); err != nil {
		t.Errorf("another has the lock: %v", err)
	}
	wantRanges(min(one, two), max(one, two))
	unlock()
	if err := Sweep(poolsOf(root)); err != nil {
		t.Error(err)
	}
	wantRanges(two)
	if err := os.RemoveAll(filepath.Join(root, "two")); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(poolsOf(root)); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestManyClaimAtOnce(t *testing.T) {
	root := t.TempDir()
	var mu sync.Mutex
	users := make(map[int]string)
	var wg sync.WaitGroup
	for g := range pool.Count { // as many as there are ranges: each must get one
		wg.Go(func() {
			for i := range 30 {
				name := fmt.Sprintf("%d-%d", g, i)
				holder, err := newHolder(root, name)
				if err != nil {
					t.Error(err)
					return
				}
				index, err := Claim(t.Context(), poolsOf(root), pool, holder)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if other := users[index]; other != "" {
					t.Errorf("%s and %s have range %d", name, other, index)
				}
				users[index] = name
				mu.Unlock()
				mu.Lock()
				delete(users, index)
				mu.Unlock()
				if err := giveUp(root, holder); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// Programs that are killed at any moment lose no range.
func TestProgramsAreKilled(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "used"), 0o700); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 6 {
				killAfter(t, root, time.Duration(1+i*3)*time.Millisecond)
			}
		})
	}
	wg.Wait()
	if n := claimAll(t, root, "last"); n != pool.Count {
		t.Errorf("%d ranges can be had, want %d", n, pool.Count)
	}
}

// killAfter runs a program that claims, and kills it some time after its first range.
func killAfter(t *testing.T, root string, delay time.Duration) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), claimerEnv+"="+root)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	var killer *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "ok" {
			if killer == nil {
				killer = time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
			}
			continue
		}
		t.Error(lines.Text())
	}
	_ = cmd.Wait()
	removeHolders(t, root, strconv.Itoa(cmd.Process.Pid))
}

// removeHolders removes the holders of a program that is dead, as Destroy does.
func removeHolders(t *testing.T, root, pid string) {
	links, err := filepath.Glob(filepath.Join(root, "used", "*"))
	if err != nil {
		t.Error(err)
	}
	for _, link := range links {
		if user, err := os.Readlink(link); err == nil && user == pid { // else another one has gone on
			if err := os.Remove(link); err != nil {
				t.Error(err)
			}
		}
	}
	holders, err := filepath.Glob(filepath.Join(root, pid+"-*"))
	if err != nil {
		t.Error(err)
	}
	for _, holder := range holders {
		if err := os.RemoveAll(holder); err != nil {
			t.Error(err)
		}
	}
}
