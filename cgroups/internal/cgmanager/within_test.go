//go:build linux

package cgmanager

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// Directories stay open as long as there is a context, and no longer than somebody uses them.
func TestKeptDirectories(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := Base{State: &State{Kind: cgdir.Any}}
	open := func() (dir *cgdir.Dir) {
		t.Helper()
		if err := b.WithDir(path, func(d *cgdir.Dir) error { dir = d; return nil }); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	isOpen := func(d *cgdir.Dir) bool {
		_, err := d.ReadFile("file")
		return err == nil
	}
	if isOpen(open()) {
		t.Error("without a context a directory stays open")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := b.State.Within(ctx)
	if b.State.Context() != ctx {
		t.Error("the context is another one")
	}
	first := open()
	if !isOpen(first) || open() != first {
		t.Error("the directory has not stayed open")
	}
	f, err := b.OpenFile(path, "file", unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	err = b.WithDir(path, func(d *cgdir.Dir) error {
		done()
		if d != first || !isOpen(d) {
			t.Error("it was closed under its user")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if isOpen(first) {
		t.Error("it stays open for ever")
	}
	cancel()
	if err := b.State.Context().Err(); err != nil {
		t.Errorf("the context is still there: %v", err)
	}
	if _, err := b.OpenFile(path, "nosuch", unix.O_RDONLY); !os.IsNotExist(err) && !cgdir.IsGone(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}
