// Criu fetches a CRIU that is new enough for the tests, with its libraries: Debian testing's. It is
// unpacked into a directory and not installed; its own dynamic loader executes it, so that it
// runs on an older Debian, too.
//
//	criu -dir DIR
//
// Then DIR/criu is the program. If it is there and runs, nothing is done.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/libcontainer/libcontainer/integration/internal/command"
	"github.com/libcontainer/libcontainer/integration/internal/debs"
)

// release is Debian's whose CRIU is taken. That of version 13, which is 4.1.1, cannot dump inet
// sockets on Linux 6.16 or later.
const release = "testing"

func main() {
	dir := flag.String("dir", "", "where it is unpacked")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := fetch(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "criu:", err)
		os.Exit(1)
	}
}

func fetch(ctx context.Context, dir string) error {
	if dir == "" {
		return errors.New("no directory: use -dir")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := version(ctx, dir); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		fmt.Fprintln(os.Stderr, "criu: this machine has no apt-get: tests with CRIU are skipped unless LIBCONTAINER_CRIU is the path of one")
		return nil
	}
	fmt.Printf("unpacking criu of Debian %s, with its libraries, into %s\n", release, dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "new-criu-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	whole := filepath.Join(work, "criu")
	if err := unpack(ctx, work, whole); err != nil {
		return err
	}
	got, err := version(ctx, whole)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Rename(whole, dir); err != nil {
		// Another make may have been faster.
		if _, other := version(ctx, dir); other != nil {
			return err
		}
	}
	fmt.Println("criu", got)
	return nil
}

// version runs the program in a directory.
func version(ctx context.Context, dir string) (string, error) {
	out, err := command.Output(ctx, filepath.Join(dir, "criu"), "--version")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(out, "\n")
	return strings.TrimPrefix(first, "Version: "), nil
}

// unpack makes the directory.
func unpack(ctx context.Context, work, dir string) error {
	mirror, err := debs.FindMirror(ctx)
	if err != nil {
		return err
	}
	suite, err := debs.NewSuite(ctx, filepath.Join(work, release), mirror, release)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := suite.UnpackAll(ctx, root, "criu"); err != nil {
		return err
	}
	script, err := wrapper(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "criu"), []byte(script), 0o755)
}

// wrapper is a script that executes the criu in root. It needs no environment variable, which the
// programs that criu calls would get, too: these are the machine's, with its libraries.
func wrapper(root string) (string, error) {
	find := func(pattern string) (string, error) {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			return "", fmt.Errorf("criu's packages have no %s: %w", pattern, errors.Join(err, os.ErrNotExist))
		}
		name, err := filepath.Rel(root, found[0])
		return "$dir/root/" + name, err
	}
	loader, err := find("usr/lib*/ld-linux-*.so.*")
	if err != nil {
		return "", err
	}
	libc, err := find("usr/lib/*/libc.so.6")
	if err != nil {
		return "", err
	}
	criu, err := find("usr/sbin/criu")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`#!/bin/sh
dir=${0%%/*}
exec "%s" --library-path "%s" --argv0 criu "%s" "$@"
`, loader, filepath.Dir(libc), criu), nil
}
