package libcontainer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

func copyDir(t *testing.T, from, to string, options ...string) error {
	t.Helper()
	return runScript(t, []*os.File{openPlace(t, from), openPlace(t, to)},
		func(s *script, plan *initPlan, regs []program.Reg) {
			(&rootfs{script: s, plan: plan}).copyUp(regs[0], regs[1], options)
		})
}

func TestCopyUp(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(from+"/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"f": "text", "a/b/f": strings.Repeat("x", 100000), "empty": "", "..f": "dots"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", from+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(from+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(from+"/socket", unix.S_IFSOCK|0o604, 0); err != nil {
		t.Fatal(err)
	}
	then := time.Unix(1234567890, 5)
	for _, name := range []string{"f", "a", ""} {
		if err := os.Chtimes(filepath.Join(from, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(from, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := copyDir(t, from, to, "size=1m"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a", "a/b", "f", "a/b/f", "empty", "..f", "link", "fifo", "socket"} {
		want, err := os.Lstat(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.Lstat(filepath.Join(to, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if got.Mode() != want.Mode() || !want.IsDir() && got.Size() != want.Size() || !got.ModTime().Equal(want.ModTime()) {
			t.Errorf("%q is %v %d %v, want %v %d %v", name, got.Mode(), got.Size(), got.ModTime(), want.Mode(), want.Size(), want.ModTime())
		}
	}
	if data, err := os.ReadFile(to + "/a/b/f"); err != nil || string(data) != strings.Repeat("x", 100000) {
		t.Errorf("the file has %d bytes, %v", len(data), err)
	}
	if target, err := os.Readlink(to + "/link"); err != nil || target != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

// More entries than one call reads, with directories among them.
func TestCopyUpOfManyEntries(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	const many = 1000
	name := func(i int) string { return fmt.Sprintf("%d-%s", i, strings.Repeat("n", i%240)) }
	for i := range many {
		file := name(i)
		if i%10 == 0 {
			if err := os.Mkdir(filepath.Join(from, file), 0o755); err != nil {
				t.Fatal(err)
			}
			file += "/f"
		}
		if err := os.WriteFile(filepath.Join(from, file), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyDir(t, from, to); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		file := name(i)
		if i%10 == 0 {
			file += "/f"
		}
		if data, err := os.ReadFile(filepath.Join(to, file)); err != nil || string(data) != file {
			t.Errorf("%s has %q, %v", file, data, err)
		}
	}
	if entries, err := os.ReadDir(to); err != nil || len(entries) != many {
		t.Errorf("%d entries, %v; want %d", len(entries), err, many)
	}
}

// makeDeep makes a directory in a directory, and so on; os.MkdirAll knows no names that
// are that long.
func makeDeep(t *testing.T, dir string, depth int) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range depth {
		if err := unix.Mkdirat(fd, "d", 0o755); err != nil {
			t.Fatal(err)
		}
		fd = stepInto(t, fd)
	}
	unix.Close(fd)
}

func stepInto(t *testing.T, fd int) int {
	t.Helper()
	next, err := unix.Openat(fd, "d", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestCopyUpOfDeepTree(t *testing.T) {
	for _, tt := range []struct {
		depth int
		err   error
	}{{maxCopyDepth - 1, nil}, {maxCopyDepth, unix.ENAMETOOLONG}} {
		from, to := t.TempDir(), t.TempDir()
		makeDeep(t, from, tt.depth)
		err := copyDir(t, from, to)
		if !errors.Is(err, tt.err) {
			t.Errorf("%d directories: error %v, want %v", tt.depth, err, tt.err)
		}
		if tt.err != nil {
			if err == nil || !strings.Contains(err.Error(), "copy up: /d/d/") || !strings.Contains(err.Error(), "/d: more than") {
				t.Errorf("%d directories: error %.60v", tt.depth, err)
			}
			continue
		}
		fd, err := unix.Open(to, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range tt.depth {
			fd = stepInto(t, fd)
		}
		unix.Close(fd)
	}
}

func TestCopyUpKeepsOwnMode(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.Chmod(from, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := copyDir(t, from, to, "size=1m", "mode=750"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o750 {
		t.Errorf("the mode is %v, %v", st.Mode(), err)
	}
}

// Extended attributes of a user are copied where both file systems have them, and
// others are not asked for.
func TestCopyUpXattrs(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.WriteFile(from+"/f", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"user.a": "1", "user.bcd": strings.Repeat("long", 200), "user.": "", "user.empty": ""}
	delete(want, "user.") // the kernel has no such name
	for name, value := range want {
		if err := unix.Setxattr(from+"/f", name, []byte(value), 0); err != nil {
			t.Skipf("the file system of the temporary directory has no attributes: %v", err)
		}
	}
	root := os.Geteuid() == 0
	if root {
		if err := unix.Setxattr(from+"/f", "trusted.x", []byte("2"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyDir(t, from, to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for name, value := range want {
		if n, err := unix.Getxattr(to+"/f", name, buf); err != nil || string(buf[:n]) != value {
			t.Errorf("%s is %q, %v; want %q", name, buf[:max(n, 0)], err, value)
		}
	}
	if _, err := unix.Getxattr(to+"/f", "trusted.x", buf); root && !errors.Is(err, unix.ENODATA) {
		t.Errorf("an attribute of the place was copied: %v", err)
	}
}

// A copy that fails says of what.
func TestCopyUpNamesTheFile(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(from+"/a\x1bb/c", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(from+"/a\x1bb/c/f", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to+"/a\x1bb", 0o755); err != nil {
		t.Fatal(err)
	}
	err := copyDir(t, from, to)
	if !errors.Is(err, unix.EEXIST) || err.Error() != "copy up: /a?b: mkdir: file exists" {
		t.Errorf("error %q", err)
	}
	if err := copyDir(t, from+"/a\x1bb/c/f", to); !errors.Is(err, unix.ENOTDIR) || err.Error() != "copy up: /: open directory: not a directory" {
		t.Errorf("error %q", err)
	}
}

func TestCopyReport(t *testing.T) {
	word := func(n int64) []byte { return twoWords(n, 0)[:8] }
	for name, send := range map[string]func(r *copyReport) error{
		"no name":        func(r *copyReport) error { _, err := r.addName([]byte("\x00"), nil); return err },
		"no end":         func(r *copyReport) error { _, err := r.addName(bytes.Repeat([]byte("x"), 256), nil); return err },
		"a path":         func(r *copyReport) error { _, err := r.addName([]byte("a/b\x00"), nil); return err },
		"short":          func(r *copyReport) error { _, err := r.failed(word(-1), nil); return err },
		"no error":       func(r *copyReport) error { _, err := r.failed(twoWords(0, 0), nil); return err },
		"positive error": func(r *copyReport) error { _, err := r.failed(twoWords(1, 0), nil); return err },
		"large error":    func(r *copyReport) error { _, err := r.failed(twoWords(-4096, 0), nil); return err },
		"no step":        func(r *copyReport) error { _, err := r.failed(twoWords(-1, 1), nil); return err },
		"negative step":  func(r *copyReport) error { _, err := r.failed(twoWords(-1, -1), nil); return err },
		"no detail":      func(r *copyReport) error { _, err := r.setDetail(nil, nil); return err },
		"deep": func(r *copyReport) (err error) {
			for range maxCopyDepth + 1 {
				if err == nil {
					_, err = r.addName([]byte("d\x00"), nil)
				}
			}
			return err
		},
	} {
		if err := send(&copyReport{steps: []string{"open"}}); !errors.Is(err, unix.EBADMSG) {
			t.Errorf("%s: error %v, want EBADMSG", name, err)
		}
	}
	r := &copyReport{prefix: "copy up: ", steps: []string{"open", "set"}}
	for _, name := range []string{"a\x00rest", "b\x00"} {
		if _, err := r.addName([]byte(name), nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.setDetail([]byte("user.x\x00"), nil); err != nil {
		t.Error(err)
	}
	if _, err := r.failed(twoWords(-int64(unix.ENOSPC), 1), nil); !errors.Is(err, unix.ENOSPC) ||
		err.Error() != "copy up: /a/b: set user.x: no space left on device" {
		t.Errorf("error %v", err)
	}
}

// Data, holes, and a file that has been cut or has grown since it was looked at.
func TestCopyData(t *testing.T) {
	const hole = 1 << 20
	content := append(append([]byte("start"), make([]byte, hole)...), "end"...)
	for name, size := range map[string]int{"as it is": len(content), "grown since": 3, "cut since": len(content) + hole, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in, err := os.Create(dir + "/in")
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			for offset, text := range map[int64]string{0: "start", 5 + hole: "end"} {
				if _, err := in.WriteAt([]byte(text), offset); err != nil {
					t.Fatal(err)
				}
			}
			out, err := os.Create(dir + "/out")
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			err = runScript(t, []*os.File{in, out}, func(s *script, plan *initPlan, regs []program.Reg) {
				n := s.Reg()
				s.Add(n, num(size), num(0))
				newCopier(s, plan).data(regs[0], regs[1], n)
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(dir + "/out")
			if err != nil {
				t.Fatal(err)
			}
			want := make([]byte, size)
			copy(want, content)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes that differ from the %d wanted", len(got), len(want))
			}
			var st unix.Stat_t
			if err := unix.Stat(dir+"/out", &st); err != nil || st.Blocks*512 > hole/2 {
				t.Errorf("the copy takes %d bytes, %v: it has no hole", st.Blocks*512, err)
			}
		})
	}
}

func twoWords(a, b int64) []byte {
	return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, uint64(a)), uint64(b))
}
