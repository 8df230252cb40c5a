//go:build linux

package cgdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path, Any)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// No name leads out of the directory.
func TestStaysInside(t *testing.T) {
	outer := t.TempDir()
	inner := filepath.Join(outer, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outer, "secret")
	write(t, secret, "old")
	for name, target := range map[string]string{"link": secret, "uplink": "../secret", "dirlink": outer} {
		if err := os.Symlink(target, filepath.Join(inner, name)); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, inner)
	for _, name := range []string{"", ".", "..", "../secret", secret, "link", "uplink", "dirlink/secret", "a\x00", "a\nb", strings.Repeat("x", 256)} {
		if err := d.WriteFile(name, "new"); err == nil {
			t.Errorf("wrote to %q", name)
		}
		if text, err := d.ReadFile(name); err == nil {
			t.Errorf("read %q from %q", text, name)
		}
	}
	for _, name := range []string{"..", "../..", "dirlink", "/", ""} {
		if sub, err := d.Sub(name); err == nil {
			sub.Close()
			t.Errorf("opened %q", name)
		}
		if err := d.Mkdir(name + "/x"); err == nil {
			t.Errorf("made %q/x", name)
		}
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "old" {
		t.Errorf("the file outside has %q, %v", got, err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "")
	if err := os.Symlink(dir, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "relative", dir + "/", dir + "/../x", dir + "/./x", dir + "//x", dir + "/file", dir + "/link", dir + "/none"} {
		if d, err := Open(path, Any); err == nil {
			d.Close()
			t.Errorf("opened %q", path)
		}
	}
	if _, err := Open(dir, Cgroup); err == nil || !strings.Contains(err.Error(), dir+" is not on a cgroup file system") {
		t.Errorf("a directory that is no cgroup: %v", err)
	}
	if got := open(t, "/").Path("x"); got != "/x" {
		t.Errorf("got %q", got)
	}
}

func TestFiles(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.WriteFile("f", "x"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), d.Path("f")) {
		t.Errorf("writing made a file: %v", err)
	}
	long := strings.Repeat("0123456789\n", 1000)
	write(t, d.Path("f"), long)
	if got, err := d.ReadFile("f"); err != nil || got != long {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, len(long))
	}
	old, readable, err := d.SwapFile("f", "new")
	if err != nil || !readable || old != long {
		t.Errorf("swapped out %d bytes, %v, %v", len(old), readable, err)
	}
	if got, err := d.ReadFile("f"); err != nil || got != "new" {
		t.Errorf("read %q, %v", got, err)
	}
	if !d.Exists("f") || d.Exists("g") || d.Exists("../"+filepath.Base(d.Path(""))) {
		t.Error("Exists is wrong")
	}
}

func TestDirectories(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Mkdir("a"); err != nil {
		t.Fatal(err)
	}
	if err := d.Mkdir("a"); !errors.Is(err, os.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	sub, err := d.Sub("a")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if err := sub.Mkdir("b"); err != nil {
		t.Fatal(err)
	}
	entries, err := sub.ReadDir()
	if err != nil || len(entries) != 1 || entries[0].Name() != "b" {
		t.Errorf("the entries are %v, %v", entries, err)
	}
}

func TestIsGone(t *testing.T) {
	for err, want := range map[error]bool{unix.ENOENT: true, unix.ENODEV: true, unix.EBUSY: false, fmt.Errorf("x: %w", unix.ENOENT): true} {
		if got := IsGone(err); got != want {
			t.Errorf("IsGone(%v) is %v", err, got)
		}
	}
}
