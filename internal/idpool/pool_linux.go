// Package idpool shares ranges of ids out among holders, which are directories, so that programs
// that know nothing of each other never give one range to two of them.
//
// A range that is in use is a file with two names: one in the pool's directory, which is the
// number of the range, and one in the directory of its holder. Who removes the holder's
// directory, in whatever way, takes one name away, and a file with one name is nobody's. So
// no program can die in a way that loses a range, and none has to be told of a range's end.
package idpool

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

var (
	// ErrExhausted says that all ranges of a pool are in use.
	ErrExhausted = errors.New("all ranges of ids are in use")

	// ErrOverlap says that a pool has ids in common with another one that is in use.
	ErrOverlap = errors.New("the pool overlaps another one that is in use")
)

const (
	// holderName is the name of the range's file in its holder's directory.
	holderName = "ids"

	// probes is how many ranges are tried before all are listed: while a pool is half empty
	// the first ones are mostly enough, whatever the number of those in use.
	probes = 16
)

// Claim gives a holder a range of a pool, or the one that it has already. dir is the directory
// for the pools, which is made; it is in the same file system as the holder. While ctx has
// not ended it waits for others who claim.
func Claim(ctx context.Context, dir string, pool configs.IDPool, holder string) (index int, err error) {
	if pool.First < 1 || pool.Size < 1 || pool.Count < 1 {
		return 0, fmt.Errorf("claim ids (%v): the pool is empty, or has the id of root: %w", pool, unix.EINVAL)
	}
	p := &claim{dir: dir, pool: pool, holder: holder}
	for {
		index, err = p.try(ctx)
		if err == nil || !errors.Is(err, errPoolsGone) {
			return index, err
		}
	}
}

// errPoolsGone says that the directory for the pools has gone while it was locked: one who could
// not lock it has removed it, as it was empty.
var errPoolsGone = errors.New("the directory for pools has been removed")

func (c *claim) try(ctx context.Context) (index int, err error) {
	_, unlock, err := statedir.Enter(ctx, c.dir)
	if err != nil {
		_ = os.Remove(c.dir) // fails if there is a pool
		return 0, fmt.Errorf("claim ids: %w", err)
	}
	defer unlock()
	if index, err = c.claim(); err != nil {
		c.tidy()
		return 0, fmt.Errorf("claim ids (%v): %w", c.pool, err)
	}
	return index, nil
}

type claim struct {
	dir    string // for all pools
	pool   configs.IDPool
	holder string
}

// nameOf is the name of a pool's directory.
func nameOf(p configs.IDPool) string { return fmt.Sprintf("%d-%dx%d", p.First, p.Count, p.Size) }

func parseName(name string) (p configs.IDPool, ok bool) {
	n, err := fmt.Sscanf(name, "%d-%dx%d", &p.First, &p.Count, &p.Size)
	return p, err == nil && n == 3 && nameOf(p) == name
}

func (c *claim) path() string { return filepath.Join(c.dir, nameOf(c.pool)) }

func (c *claim) file(index int) string { return filepath.Join(c.path(), strconv.Itoa(index)) }

// claim is Claim by who has the lock.
func (c *claim) claim() (int, error) {
	if index, ok, err := c.held(); ok || err != nil {
		return index, err
	}
	if err := c.makePool(); err != nil {
		return 0, err
	}
	index, err := c.choose()
	if err != nil {
		return 0, err
	}
	return index, c.take(index)
}

// held gives the range that the holder has.
func (c *claim) held() (index int, ok bool, err error) {
	h, ok, err := Find(c.dir, c.holder)
	if !ok || err != nil || h.pool != nameOf(c.pool) {
		return 0, false, err
	}
	same, err := h.linked(c.holder)
	return h.index, same, err
}

// makePool makes the pool's directory, unless others have some of its ids.
func (c *claim) makePool() error {
	err := os.Mkdir(c.path(), 0o700)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		return errPoolsGone
	case err != nil:
		return err
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		other, ok := parseName(e.Name())
		if !ok || other == c.pool || !overlap(c.pool, other) {
			continue
		}
		o := &claim{dir: c.dir, pool: other}
		if err := o.sweep(); err != nil {
			return err
		}
		if err := os.Remove(o.path()); err != nil {
			return fmt.Errorf("%w: %v", ErrOverlap, other)
		}
	}
	return nil
}

func overlap(a, b configs.IDPool) bool {
	return a.First < b.First+b.Count*b.Size && b.First < a.First+a.Count*a.Size
}

// choose finds a range that nobody has.
func (c *claim) choose() (int, error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.holder)) // it never fails
	first := int(h.Sum32()) % c.pool.Count
	if first < 0 {
		first += c.pool.Count
	}
	for i := range min(probes, c.pool.Count) {
		index := (first + i) % c.pool.Count
		if free, err := c.free(index); free || err != nil {
			return index, err
		}
	}
	if err := c.sweep(); err != nil {
		return 0, err
	}
	taken, err := c.list()
	if err != nil {
		return 0, err
	}
	for i := range c.pool.Count {
		if index := (first + i) % c.pool.Count; !taken[index] {
			return index, nil
		}
	}
	return 0, ErrExhausted
}

// free tells whether nobody has a range, and removes what is left of who had it.
func (c *claim) free(index int) (bool, error) {
	var st unix.Stat_t
	err := unix.Lstat(c.file(index), &st)
	switch {
	case errors.Is(err, unix.ENOENT):
		return true, nil
	case err != nil:
		return false, &os.PathError{Op: "lstat", Path: c.file(index), Err: err}
	case st.Nlink > 1:
		return false, nil
	}
	return true, os.Remove(c.file(index))
}

// list gives the ranges that are in use, or were.
func (c *claim) list() (map[int]bool, error) {
	dir, err := os.Open(c.path())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	taken := make(map[int]bool, len(names))
	for _, name := range names {
		if index, err := strconv.Atoi(name); err == nil {
			taken[index] = true
		}
	}
	return taken, nil
}

// sweep removes what is left of ranges that nobody has any more.
func (c *claim) sweep() error {
	taken, err := c.list()
	for index := range taken {
		if _, ferr := c.free(index); ferr != nil {
			err = errors.Join(err, ferr)
		}
	}
	return err
}

// take makes the file of a range: in the holder's directory first, under a name that
// stands for nothing.
func (c *claim) take(index int) error {
	name := filepath.Join(c.holder, holderName)
	next := name + ".new"
	// One that a program has left may have another name in the pool.
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(next, []byte(nameOf(c.pool)+"/"+strconv.Itoa(index)+"\n"), 0o600); err != nil {
		return err
	}
	if err := os.Link(next, c.file(index)); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, name); err != nil {
		return errors.Join(err, os.Remove(next), os.Remove(c.file(index)))
	}
	return nil
}

// tidy removes directories in which there is nothing.
func (c *claim) tidy() {
	_ = os.Remove(c.path()) // fails as long as there is something
	_ = os.Remove(c.dir)
}

// Held is a range that a holder has, or had.
type Held struct {
	dir, pool string
	index     int
}

// Find looks for the range of a holder.
func Find(dir, holder string) (h Held, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(holder, holderName))
	if errors.Is(err, os.ErrNotExist) {
		return Held{}, false, nil
	}
	if err != nil {
		return Held{}, false, fmt.Errorf("read ids: %w", err)
	}
	pool, number, _ := strings.Cut(strings.TrimSuffix(string(data), "\n"), "/")
	index, aerr := strconv.Atoi(number)
	p, ok := parseName(pool)
	if !ok || aerr != nil || index < 0 || index >= p.Count {
		return Held{}, false, fmt.Errorf("%s is no range of ids: %q", filepath.Join(holder, holderName), data)
	}
	return Held{dir, pool, index}, true, nil
}

func (h Held) file() string { return filepath.Join(h.dir, h.pool, strconv.Itoa(h.index)) }

// linked tells whether the file of the range is that of the holder.
func (h Held) linked(holder string) (bool, error) {
	ours, err := os.Lstat(filepath.Join(holder, holderName))
	if err != nil {
		return false, err
	}
	theirs, err := os.Lstat(h.file())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(ours, theirs), err
}

// Release removes the file of a range whose holder is gone, and directories that are empty
// then. The range can be had again without.
func (h Held) Release(ctx context.Context) error {
	if _, err := os.Lstat(h.file()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	_, unlock, err := statedir.Enter(ctx, h.dir)
	if err != nil {
		return fmt.Errorf("release ids: %w", err)
	}
	defer unlock()
	pool, _ := parseName(h.pool)
	c := &claim{dir: h.dir, pool: pool}
	_, err = c.free(h.index) // unless another one has it by now
	c.tidy()
	if err != nil {
		return fmt.Errorf("release ids: %w", err)
	}
	return nil
}

// Sweep removes the files of ranges whose holders are gone, which programs have left that were
// killed before they could, and directories that are empty then. If others claim or release
// at the moment it leaves that to them.
func Sweep(dir string) error {
	d, err := statedir.Open(dir)
	if err != nil {
		return err
	}
	unlock, ok, err := d.TryLock()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || !ok {
		return err
	}
	defer unlock()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if pool, ok := parseName(e.Name()); ok {
			c := &claim{dir: dir, pool: pool}
			err = errors.Join(err, c.sweep())
			c.tidy()
		}
	}
	_ = os.Remove(dir) // fails as long as there is something
	return err
}
