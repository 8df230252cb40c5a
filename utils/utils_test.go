package utils

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestGenerateRandomName(t *testing.T) {
	tests := []struct {
		size, want int
	}{
		{0, 0}, {1, 1}, {7, 7}, {8, 8}, {64, 64}, {65, 64}, {1 << 40, 64},
	}
	for _, tt := range tests {
		name, err := GenerateRandomName("veth", tt.size)
		if err != nil {
			t.Fatal(err)
		}
		digits, ok := strings.CutPrefix(name, "veth")
		if !ok || len(digits) != tt.want || strings.Trim(digits, "0123456789abcdef") != "" {
			t.Errorf("size %d: got %q, want veth and %d hexadecimal digits", tt.size, name, tt.want)
		}
	}
	if name, err := GenerateRandomName("veth", -1); err == nil {
		t.Errorf("size -1: got %q, want an error", name)
	}
}

func TestGenerateRandomNameDiffers(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		name, err := GenerateRandomName("", 32)
		if err != nil {
			t.Fatal(err)
		}
		if seen[name] {
			t.Fatalf("%q came twice", name)
		}
		seen[name] = true
	}
}

func TestResolveRootfs(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "real", "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	tests := []struct {
		name, path, want string
	}{
		{"clean", dir + "/real", dir + "/real"},
		{"not clean", dir + "//real/./inner/..", dir + "/real"},
		{"link", dir + "/link", dir + "/real"},
		{"below a link", dir + "/link/inner", dir + "/real/inner"},
		{"relative", "link/inner", dir + "/real/inner"},
		{"here", ".", dir},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ResolveRootfs(tt.path)
			if err != nil || got != tt.want {
				t.Errorf("ResolveRootfs(%q) = %q, %v, want %q", tt.path, got, err, tt.want)
			}
		})
	}
	if _, err := ResolveRootfs("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v, want ErrNotExist", err)
	}
}

func TestExitStatus(t *testing.T) {
	tests := []struct {
		name   string
		status syscall.WaitStatus
		want   int
	}{
		{"success", 0, 0},
		{"exit 1", 1 << 8, 1},
		{"exit 255", 255 << 8, 255},
		{"killed", syscall.WaitStatus(syscall.SIGKILL), 137},
		{"segmentation fault with core", syscall.WaitStatus(syscall.SIGSEGV) | 0x80, 139},
	}
	for _, tt := range tests {
		if got := ExitStatus(tt.status); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteJSON(t *testing.T) {
	var buf bytes.Buffer
	if err := WriteJSON(&buf, map[string]int{"b": 2, "a": 1}); err != nil {
		t.Fatal(err)
	}
	if got, want := buf.String(), `{"a":1,"b":2}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	buf.Reset()
	if err := WriteJSON(&buf, func() {}); err == nil || buf.Len() != 0 {
		t.Errorf("a function: error %v and %q written, want an error and nothing", err, buf.String())
	}
	full := errors.New("full")
	if err := WriteJSON(failingWriter{full}, 1); !errors.Is(err, full) {
		t.Errorf("got %v, want the writer's error", err)
	}
}
