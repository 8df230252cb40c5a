package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// lifeText is what all tables of lives measure.
func lifeText() string {
	return fmt.Sprintf("Create, start of `%s`, wait and destroy", lives.ProgramName())
}

// newLifeTable compares whole lives of a container.
func newLifeTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "life",
		title: "One container's life",
		about: lifeText(),
		unit:  "lives",
		bases: []string{"floor"},
	}
	floor, err := newServant(opts.floor, opts.rootfs)
	t.addToFloor("floor", floor, err)
	if hasHybridUnified() {
		floor, err := newPlacedServant(opts.floor, opts.rootfs)
		t.addToFloor("floor, no cgroup2", floor, err)
	}
	library, err := newLifeRunner(work, opts.rootfs, "life", lives.Config)
	t.addToFloor("library", library, err)
	t.addPeers(func(p peer) (closingRunner, error) {
		return newOCILifeRunner(p, work, "life", opts.rootfs, lives.Config)
	})
	return t
}

// newUserTable compares lives of a container that has a user namespace, too.
func newUserTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "user",
		title: "One container's life in a user namespace",
		about: lifeText() + ", of a container with a new user namespace, too",
		unit:  "lives",
		bases: []string{"floor"},
	}
	rootfs, err := t.reachableRootfs(opts.rootfs, work)
	if err != nil {
		t.measure = func(context.Context, options) error { return err }
		return t
	}
	floor, err := newServant(opts.floor, "-u", rootfs)
	t.addToFloor("floor", floor, err)
	library, err := newLifeRunner(work, rootfs, "user", lives.UserConfig)
	t.addToFloor("library", library, err)
	t.addPeers(func(p peer) (closingRunner, error) {
		return newOCILifeRunner(p, work, "user", rootfs, lives.UserConfig)
	})
	return t
}

// reachableRootfs binds the root file system to where the users of a user namespace may go, for they
// are nobody on the host. It is there until the table is closed.
func (t *table) reachableRootfs(rootfs, work string) (string, error) {
	target := filepath.Join(work, "rootfs")
	if err := os.Mkdir(target, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount(rootfs, target, "", unix.MS_BIND, ""); err != nil {
		return "", errors.Join(fmt.Errorf("bind %s to %s: %w", rootfs, target, err), os.Remove(target))
	}
	t.closers = append(t.closers, func() error {
		return errors.Join(unix.Unmount(target, unix.MNT_DETACH), os.Remove(target))
	})
	return target, nil
}

// lifeRunner makes the lives in this very process.
type lifeRunner struct{ *lives.Maker }

func newLifeRunner(work, rootfs, use string, config configFunc) (*lifeRunner, error) {
	maker, err := lives.NewMaker(work, rootfs, use, config)
	return &lifeRunner{maker}, err
}

func (r *lifeRunner) once(context.Context) (lives.Sample, error) { return r.Life() }

func (r *lifeRunner) close() error { return r.Close() }
