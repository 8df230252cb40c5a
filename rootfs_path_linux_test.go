package libcontainer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// tree makes files: "dir/", "file" and "link -> target". It returns the
// root directory below the test's own, open as a place, and its path. $T in a target is the
// test's directory, which is outside of the root.
func tree(t *testing.T, entries ...string) (root *os.File, dir string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "root")
	for _, e := range append([]string{"./", "../outside/", "../outside/file"}, entries...) {
		name, target, isLink := strings.Cut(e, " -> ")
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(strings.ReplaceAll(target, "$T", top), full)
		case strings.HasSuffix(e, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return openPlace(t, dir), dir
}

// listAll lists what is below a directory; directories end with "/".
func listAll(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && name != dir {
			name = strings.TrimPrefix(name, dir+"/")
			if d.IsDir() {
				name += "/"
			}
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// wantOutside checks that nothing was made outside of the root.
func wantOutside(t *testing.T, dir string) {
	t.Helper()
	top := filepath.Dir(dir)
	entries, err := os.ReadDir(top)
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the root are %v, %v", entries, err)
	}
	if got := listAll(t, top+"/outside"); !slices.Equal(got, []string{"file"}) {
		t.Errorf("outside of the root are %v, want only file", got)
	}
}

// wantPlace checks that a descriptor refers to a path of the tree.
func wantPlace(t *testing.T, fd int, dir, want string) {
	t.Helper()
	got, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil || got != filepath.Join(dir, want) {
		t.Errorf("the descriptor refers to %s, %v; want %s", got, err, want)
	}
}

// place has init make or open a path of a root directory, and returns what init's
// descriptor refers to.
func place(t *testing.T, root *os.File, name string, open func(s *script, root program.Reg, name string) program.Reg) (int, error) {
	t.Helper()
	got := -1
	err := runScript(t, []*os.File{root}, func(s *script, _ *initPlan, regs []program.Reg) {
		fd := open(s, regs[0], name)
		flags := s.Get("flags", unix.SYS_FCNTL, fd.Arg(), num(unix.F_GETFD), num(0))
		s.Check("close-on-exec", flags.Arg(), num(unix.FD_CLOEXEC), num(unix.FD_CLOEXEC), unix.EIO)
		s.Tell("send", takeFile(&got), s.String(""), num(0), fd)
		s.Close(fd)
		// Nothing else stays open.
		again := open(s, regs[0], name)
		s.Check("another descriptor", again.Arg(), num(-1), fd.Arg(), unix.EMFILE)
	})
	return got, err
}

// takeFile takes the descriptor that comes with a message.
func takeFile(to *int) program.Handler {
	return func(_ []byte, fds []int) (*program.Program, error) {
		if len(fds) != 1 {
			return nil, unix.EBADMSG
		}
		*to = fds[0]
		return nil, nil
	}
}

func open(s *script, root program.Reg, name string) program.Reg {
	return s.openPath(root, name, nowhere)
}

func TestMkdirAll(t *testing.T) {
	manyLinks := []string{"l0 -> /end"}
	for i := 1; i <= maxLinks+2; i++ {
		manyLinks = append(manyLinks, "l"+strconv.Itoa(i)+" -> l"+strconv.Itoa(i-1))
	}
	for _, tt := range []struct {
		name    string
		entries []string
		path    string
		want    string // where it is made
		err     error
	}{
		{name: "root", path: "/", want: "."},
		{name: "nothing there", path: "/a/b/c", want: "a/b/c"},
		{name: "relative", path: "a/b", want: "a/b"},
		{name: "all there", entries: []string{"a/b/"}, path: "/a/b", want: "a/b"},
		{name: "not clean", path: "//a/./b/../c/", want: "a/c"},
		{name: "above the root", path: "/../../a", want: "a"},
		{name: "absolute link", entries: []string{"x/", "a -> /x"}, path: "/a/b", want: "x/b"},
		{name: "relative link", entries: []string{"x/", "d/a -> ../x"}, path: "/d/a/b", want: "x/b"},
		{name: "link to the outside", entries: []string{"a -> $T/outside"}, path: "/a/b", want: "$T/outside/b"},
		{name: "link climbs", entries: []string{"a -> ../../../../../outside"}, path: "/a/b", want: "outside/b"},
		{name: "link is all of it", entries: []string{"a -> ../outside"}, path: "/a", want: "outside"},
		{name: "dangling link", entries: []string{"a -> b/c"}, path: "/a/d", want: "b/c/d"},
		{name: "dangling link with slash", entries: []string{"a -> b/"}, path: "/a", want: "b"},
		{name: "dangling link with dot", entries: []string{"a -> b/."}, path: "/a", want: "b"},
		{name: "dangling chain", entries: []string{"a -> b", "b -> /c/d", "c -> e"}, path: "/a", want: "e/d"},
		{name: "dangling dot dot", entries: []string{"a -> b/../c"}, path: "/a", want: "c"},
		{name: "dangling dot dots", entries: []string{"a -> b/../../../c"}, path: "/a/d", want: "c/d"},
		{name: "dot dot after a link", entries: []string{"x/y/", "a -> x/y", "x/y/d -> ../e"}, path: "/a/d", want: "x/e"},
		{name: "dot dot at the end", entries: []string{"a -> b/c/.."}, path: "/a", want: "b"},
		{name: "only dot dots", entries: []string{"a -> ../.."}, path: "/a/b", want: "b"},
		{name: "loop", entries: []string{"a -> b", "b -> a"}, path: "/a", err: unix.ELOOP},
		{name: "loop of one", entries: []string{"a -> a"}, path: "/a/b", err: unix.ELOOP},
		{name: "too many links", entries: manyLinks, path: "/l" + strconv.Itoa(maxLinks+2), err: unix.ELOOP},
		{name: "file in the way", entries: []string{"a"}, path: "/a", err: unix.ENOTDIR},
		{name: "file above", entries: []string{"a"}, path: "/a/b", err: unix.ENOTDIR},
		{name: "link to a file", entries: []string{"f", "a -> f"}, path: "/a", err: unix.ENOTDIR},
		{name: "name too long", path: "/" + strings.Repeat("a", 256), err: unix.ENAMETOOLONG},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, dir := tree(t, tt.entries...)
			fd, err := place(t, root, tt.path, (*script).mkdirAll)
			wantOutside(t, dir)
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			wantPlace(t, fd, dir, strings.ReplaceAll(tt.want, "$T", filepath.Dir(dir)))
			// The path itself leads there now.
			again, err := place(t, root, tt.path, (*script).mkdirAll)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(again)
			wantPlace(t, again, dir, strings.ReplaceAll(tt.want, "$T", filepath.Dir(dir)))
		})
	}
}

func TestMakeFile(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		path    string
		want    string
		err     error
	}{
		{name: "nothing there", path: "/a/b", want: "a/b"},
		{name: "there", entries: []string{"a"}, path: "a", want: "a"},
		{name: "link to a file", entries: []string{"x", "a -> /x"}, path: "/a", want: "x"},
		{name: "parent is a link", entries: []string{"a -> ../../outside"}, path: "/a/file", want: "outside/file"},
		{name: "dangling link", entries: []string{"a -> x"}, path: "/a", want: "x"},
		{name: "link to a file outside", entries: []string{"a -> $T/outside/file"}, path: "/a", want: "$T/outside/file"},
		{name: "dangling chain", entries: []string{"a -> b", "b -> /c/d", "c -> e"}, path: "/a", want: "e/d"},
		{name: "loop", entries: []string{"a -> a"}, path: "/a", err: unix.ELOOP},
		{name: "file above", entries: []string{"a"}, path: "/a/b", err: unix.ENOTDIR},
		{name: "directory", entries: []string{"a/"}, path: "/a", err: unix.EISDIR},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, dir := tree(t, tt.entries...)
			fd, err := place(t, root, tt.path, (*script).makeFile)
			wantOutside(t, dir)
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			wantPlace(t, fd, dir, strings.ReplaceAll(tt.want, "$T", filepath.Dir(dir)))
		})
	}
}

func TestOpenIn(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		path    string
		want    string
		err     error
	}{
		{name: "absolute link", entries: []string{"x/f", "a -> /x"}, path: "/a/f", want: "x/f"},
		{name: "climbs", entries: []string{"f"}, path: "/../../../f", want: "f"},
		{name: "outside", entries: []string{"a -> $T/outside"}, path: "/a/file", err: unix.ENOENT},
		{name: "missing", path: "/a", err: unix.ENOENT},
		{name: "loop", entries: []string{"a -> a"}, path: "/a", err: unix.ELOOP},
		{name: "file above", entries: []string{"a"}, path: "/a/b", err: unix.ENOTDIR},
		{name: "empty", path: "", err: unix.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, dir := tree(t, tt.entries...)
			fd, err := place(t, root, tt.path, open)
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			wantPlace(t, fd, dir, tt.want)
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor flags %#x, %v; want close-on-exec", flags, err)
			}
		})
	}
}

// What is not there is an error only if there is nowhere else to go on.
func TestOpenInGoesOn(t *testing.T) {
	for name, want := range map[string]uint64{"/missing": 2, "/f": 1, "/f/below": 2, "/missing/below": 2} {
		root, _ := tree(t, "f")
		var got uint64
		err := runScript(t, []*os.File{root}, func(s *script, _ *initPlan, regs []program.Reg) {
			missing, done := s.Label(), s.Label()
			way := s.Space(8)
			fd := s.openPath(regs[0], name, missing)
			s.Close(fd)
			s.Store(way, num(1), 8)
			s.Jump(done)
			s.Bind(missing)
			s.Store(way, num(2), 8)
			s.Bind(done)
			s.Tell("tell", func(b []byte, _ []int) (*program.Program, error) {
				got = getUint64(b)
				return nil, nil
			}, way, num(8))
		})
		if err != nil || got != want {
			t.Errorf("%s: way %d, %v; want %d", name, got, err, want)
		}
	}
}

// The links of procfs lead to places without a path; with the host's procfs as
// root, "self/cwd" would be the host's.
func TestOpenInRefusesMagicLinks(t *testing.T) {
	for _, name := range []string{"/self/cwd", "/self/root/etc", "/self/fd/0"} {
		if fd, err := place(t, openPlace(t, "/proc"), name, open); !errors.Is(err, unix.ELOOP) {
			unix.Close(fd)
			t.Errorf("%s: error %v, want ELOOP", name, err)
		}
	}
}

// An attacker swaps a directory for a link that leads outside, and back, all the
// time. Whatever mkdirAll and makeFile meet, they make nothing outside.
func TestMakeRace(t *testing.T) {
	root, dir := tree(t, "a/b/", "evil -> $T/outside", "climb -> ../../../outside")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, pair := range [][2]string{{"a", "evil"}, {"a", "climb"}} {
		wg.Go(func() {
			for ctx.Err() == nil {
				err := unix.Renameat2(int(root.Fd()), pair[0], int(root.Fd()), pair[1], unix.RENAME_EXCHANGE)
				if err != nil {
					t.Errorf("exchange: %v", err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	defer wantOutside(t, dir)
	defer wg.Wait()
	defer stop()
	var made int
	for i := range 50 {
		// It goes on until a link is in the place of a directory.
		_ = runScript(t, []*os.File{root}, func(s *script, _ *initPlan, regs []program.Reg) {
			for j := range 20 {
				name := "/a/b/" + strconv.Itoa(20*i+j) + "/c"
				for _, open := range []func(*script, program.Reg, string) program.Reg{(*script).mkdirAll, (*script).makeFile} {
					fd := open(s, regs[0], name)
					s.Tell("send", func(_ []byte, fds []int) (*program.Program, error) {
						made++
						wantInside(t, fds, dir, name)
						return nil, nil
					}, s.String(""), num(0), fd)
					s.Close(fd)
					name += "/../d"
				}
			}
		})
	}
	if made == 0 {
		t.Error("nothing was made at all")
	}
}

func wantInside(t *testing.T, fds []int, dir, name string) {
	t.Helper()
	for _, fd := range fds {
		place, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		unix.Close(fd)
		if err != nil || !strings.HasPrefix(place, dir+"/") {
			t.Errorf("%s is at %s, %v", name, place, err)
		}
	}
}
