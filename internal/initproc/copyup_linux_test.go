package initproc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func copyDir(t *testing.T, from, to, data string) error {
	t.Helper()
	source, err := unix.Open(from, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(source)
	dest, err := unix.Open(to, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dest)
	return copyUp(source, dest, data)
}

func TestCopyUp(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(from+"/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"f": "text", "a/b/f": strings.Repeat("x", 100000), "empty": ""} {
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
	for _, name := range []string{"", "a", "a/b", "f", "a/b/f", "empty", "link", "fifo"} {
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

func TestCopyUpKeepsOwnMode(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.Chmod(from, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := copyDir(t, from, to, "size=1m,mode=750"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o750 {
		t.Errorf("the mode is %v, %v", st.Mode(), err)
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
			if err := copyData(int(in.Fd()), int(out.Fd()), int64(size)); err != nil {
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
		})
	}
}
