package statedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestCreateWith(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "dir")
	d, err := CreateWith(path, "note", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Path() != path {
		t.Errorf("its path is %s", d.Path())
	}
	if exists, err := d.Exists(); !exists || err != nil {
		t.Errorf("it exists: %v, error %v", exists, err)
	}
	if data, err := d.ReadFile("note"); string(data) != "one" || err != nil {
		t.Errorf("the file holds %q, error %v", data, err)
	}
	mustLock(t, reopen(t, d), true)() // it is free
	if _, err := CreateWith(path, "note", []byte("two")); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("as another one: %v", err)
	}
	if _, err := CreateWith(filepath.Join(parent, "none", "dir"), "note", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
	long := filepath.Join(parent, strings.Repeat("x", 256))
	if _, err := CreateWith(long, "note", nil); !errors.Is(err, unix.ENAMETOOLONG) || !strings.Contains(err.Error(), long) {
		t.Errorf("with a long name: %v", err)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"dir"}) {
		t.Errorf("there is %q", got)
	}
	if err := d.WriteFile("note", []byte("three")); err != nil {
		t.Error(err)
	}
	if data, err := reopen(t, d).ReadFile("note"); string(data) != "three" || err != nil {
		t.Errorf("the file holds %q, error %v", data, err)
	}
}

// Who finds the directory finds the file of its maker, also while others fail to make it.
func TestCreateWithIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir")
	var wg sync.WaitGroup
	made := make(chan string, 8)
	for i := range cap(made) {
		wg.Go(func() {
			text := fmt.Sprint(i)
			if _, err := CreateWith(path, "note", []byte(text)); err == nil {
				made <- text
			} else if !errors.Is(err, os.ErrExist) {
				t.Error(err)
			}
		})
	}
	for {
		d, err := Open(path)
		if err != nil {
			t.Error(err)
		}
		if exists, _ := d.Exists(); exists {
			if data, err := d.ReadFile("note"); err != nil {
				t.Errorf("a directory without the file: %v", err)
			} else if maker := <-made; maker != string(data) {
				t.Errorf("the file is of %q, the directory of %q", data, maker)
			}
			break
		}
	}
	wg.Wait()
	if len(made) > 0 {
		t.Error("more than one has made it")
	}
}

func TestRemovePending(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"~abandoned", "other"} {
		if err := os.MkdirAll(filepath.Join(parent, name, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	busy, err := Create(filepath.Join(parent, "~busy"))
	if err != nil {
		t.Fatal(err)
	}
	kill := startHolder(t, busy)
	remove := func(want ...string) {
		t.Helper()
		if err := RemovePending(parent, append(names(t, parent), "~gone")); err != nil {
			t.Error(err)
		}
		if got := names(t, parent); !slices.Equal(got, want) {
			t.Errorf("there is %q, want %q", got, want)
		}
	}
	remove("other", "~busy")
	kill()
	remove("other")
}

// A directory that is taken away before it is locked is made again.
func TestCreatePendingBesideRemoval(t *testing.T) {
	parent := t.TempDir()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := RemovePending(parent, names(t, parent)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 500 {
		if _, err := CreateWith(filepath.Join(parent, fmt.Sprint(i)), "note", nil); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	if got := names(t, parent); len(got) != 500 {
		t.Errorf("there are %d directories", len(got))
	}
}

func TestCreated(t *testing.T) {
	before := time.Now().Add(-time.Second)
	d := create(t)
	created := d.Created()
	if created.Before(before) || created.After(time.Now().Add(time.Second)) || created.Location() != time.UTC {
		t.Errorf("created at %v", created)
	}
	unborn := &Dir{path: d.path} // as where the file system has no time of birth
	if got := unborn.Created(); got.Sub(created).Abs() > time.Second {
		t.Errorf("created at %v, want %v", got, created)
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := unborn.Created(); !got.IsZero() {
		t.Errorf("of one that is gone: %v", got)
	}
}
