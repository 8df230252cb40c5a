package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
)

func TestHash(t *testing.T) {
	recipe := func(files ...string) string {
		t.Helper()
		m := fstest.MapFS{}
		for i := 0; i < len(files); i += 2 {
			m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
		}
		h, err := hash(m)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := recipe("a", "one", "dir/b", "two")
	if again := recipe("dir/b", "two", "a", "one"); again != first {
		t.Errorf("one recipe has the hashes %s and %s", first, again)
	}
	for name, other := range map[string]string{
		"content":  recipe("a", "one", "dir/b", "three"),
		"name":     recipe("a", "one", "dir/c", "two"),
		"more":     recipe("a", "one", "dir/b", "two", "c", ""),
		"boundary": recipe("a", "onedir/b 3\ntwo"),
	} {
		if other == first || len(other) != len(first) {
			t.Errorf("another %s: hash %s is like %s", name, other, first)
		}
	}
}

func TestRecipe(t *testing.T) {
	for _, name := range []string{"guest/init", "guest/configure.sh", "guest/vm-command", "image.go", "kernel.go"} {
		if _, err := recipe.ReadFile(name); err != nil {
			t.Error(err)
		}
	}
}

func TestPrune(t *testing.T) {
	cache := t.TempDir()
	for name, age := range map[string]time.Duration{"old": 3 * time.Hour, "young": 0, "new-killed": 0} {
		dir := filepath.Join(cache, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(cache, "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := prune(cache, time.Hour); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(cache + "/*")
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "lock" || filepath.Base(left[1]) != "young" {
		t.Errorf("left are %v, error %v", left, err)
	}
}

func TestLockExcludes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("lock what is locked: %v", err)
	}
	unlock()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("lock what is free: %v", err)
	}
}
