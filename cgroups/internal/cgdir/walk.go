//go:build linux

package cgdir

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// Cursor is a place in the tree of directories below a Dir, at any depth. It has two
// descriptors, and three while it moves.
//
// The naive ways are a path, which the kernel takes up to 4095 bytes long, and a
// descriptor for each level, of which a process has some hundreds. A container can make
// trees that are deeper than either.
type Cursor struct {
	root  *Dir
	dir   *Dir
	names []string // of the directories from below root to dir
}

// Cursor returns one that is at d. It does not own d.
func (d *Dir) Cursor() *Cursor { return &Cursor{root: d, dir: d} }

// Dir is the directory where the cursor is, until it moves. The paths in messages about
// it leave out the middle of a long path.
func (c *Cursor) Dir() *Dir { return c.dir }

// Depth is how many levels below the first directory the cursor is.
func (c *Cursor) Depth() int { return len(c.names) }

// Close closes what the cursor has opened.
func (c *Cursor) Close() { c.move(c.root) }

// move makes dir the place, and closes the former one.
func (c *Cursor) move(dir *Dir) {
	if c.dir != c.root {
		c.dir.Close()
	}
	c.dir = dir
}

// Down goes to the directory name in the present one.
func (c *Cursor) Down(name string) error {
	sub, err := c.dir.Sub(name)
	if err != nil {
		return err
	}
	c.names = append(c.names, name)
	sub.path = c.path()
	c.move(sub)
	return nil
}

// Up goes to the directory above, and returns the name that the one below had there.
func (c *Cursor) Up() (name string, err error) {
	last := len(c.names) - 1
	if last < 0 {
		return "", fmt.Errorf("%s is the top of the tree", c.dir.path)
	}
	above := c.root
	if last > 0 {
		// Cgroups are never moved to another parent (cgroup-v1/cgroups.rst,
		// section 1.6), so that the way up leads where the cursor came from.
		fd, err := descriptor.Retry(func() (int, error) {
			return unix.Openat(c.dir.fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			return "", &os.PathError{Op: "open", Path: c.dir.Path(".."), Err: err}
		}
		above = &Dir{fd: fd, kind: c.root.kind}
	}
	name, c.names = c.names[last], c.names[:last]
	if last > 0 {
		above.path = c.path()
	}
	c.move(above)
	return name, nil
}

// longestPath is how much of a path below the first directory messages show.
const longestPath = 200

// path is that of the present directory, for messages.
func (c *Cursor) path() string {
	// Not joined first: for each level of a deep tree that would be a long string.
	short := 0
	for _, name := range c.names {
		if short += len(name) + 1; short > longestPath {
			first, last := elide(c.names[0]), elide(c.names[len(c.names)-1])
			if len(c.names) == 1 {
				return c.root.Path(first)
			}
			return fmt.Sprintf("%s/.../%s (%d levels down)", c.root.Path(first), last, len(c.names))
		}
	}
	return c.root.Path(strings.Join(c.names, "/"))
}

// elide shortens a long name.
func elide(name string) string {
	if len(name) <= longestPath/4 {
		return name
	}
	return name[:longestPath/5] + "..."
}

// Subdirs returns the names of the directories in d.
func (d *Dir) Subdirs() (names []string, err error) {
	entries, err := d.ReadDir()
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Walk calls visit with d and with all directories below it, each before those in it.
// Below d one that has gone meanwhile is passed over, also if visit says so. visit does
// not keep the Dir.
func (d *Dir) Walk(visit func(*Dir) error) error {
	if err := visit(d); err != nil {
		return err
	}
	names, err := d.Subdirs()
	if err != nil {
		return err
	}
	c := d.Cursor()
	defer c.Close()
	left := [][]string{names} // for each level, what has not been visited
	for {
		level := len(left) - 1
		if len(left[level]) == 0 {
			if level == 0 {
				return nil
			}
			left = left[:level]
			if _, err := c.Up(); err != nil {
				return err
			}
			continue
		}
		name := left[level][0]
		left[level] = left[level][1:]
		if err := c.Down(name); IsGone(err) {
			continue
		} else if err != nil {
			return err
		}
		names, err := visitAndList(c.Dir(), visit)
		if err != nil && !IsGone(err) {
			return err
		}
		left = append(left, names) // none of one that has gone
	}
}

func visitAndList(d *Dir, visit func(*Dir) error) ([]string, error) {
	if err := visit(d); err != nil {
		return nil, err
	}
	return d.Subdirs()
}

// Rmdir removes the directory name. The error is of the system call alone.
func (d *Dir) Rmdir(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return retry(func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
}
