package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/integration/internal/command"
	"github.com/libcontainer/libcontainer/integration/internal/debs"
)

const (
	rootSuite = "trixie"   // the image's packages, and the kernel of cgroup v2
	oldSuite  = "bookworm" // the kernel that still has all of cgroup v1
	qemuSuite = "bookworm-backports"
)

// packages are what the image has beside Debian's essential ones.
var packages = []string{
	"apparmor", "busybox-static", "criu", "dbus", "dbus-user-session", "e2fsprogs", "iproute2", "kmod",
	"libpam-systemd", "passwd", "procps", "strace", "systemd", "systemd-sysv", "uidmap",
	"util-linux",
}

// qemuPackages are unpacked beside the image. What else QEMU needs, the
// installed one brings.
var qemuPackages = []string{"qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"}

//go:embed guest
var guest embed.FS

// recipe is all that decides what an image is: the files that go into it and
// the code that makes it, beside that of package debs.
//
//go:embed guest image.go initramfs.go kernel.go
var recipe embed.FS

// An image is a directory with a root disk, kernels and a QEMU.
type image struct{ dir string }

func (i image) disk() string                  { return filepath.Join(i.dir, "root.ext4") }
func (i image) kernel(suite string) string    { return filepath.Join(i.dir, suite+".kernel") }
func (i image) initramfs(suite string) string { return filepath.Join(i.dir, suite+".initramfs") }

// qemu gives the QEMU that the image was made with, else the installed one.
func (i image) qemu() string {
	unpacked := filepath.Join(i.dir, "qemu/usr/bin/qemu-system-x86_64")
	if _, err := os.Stat(unpacked); err == nil {
		return unpacked
	}
	return "qemu-system-x86_64"
}

// hash names a recipe.
func hash(recipe ...fs.FS) (string, error) {
	h := sha256.New()
	for _, files := range recipe {
		err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(files, path)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%s %d\n%s", path, len(content), content)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// findImage gives the image of this recipe from the user's cache, where it is
// built if it is missing. Processes that want it at once build it once.
func findImage(ctx context.Context) (image, error) {
	name, err := hash(recipe, debs.Source)
	if err != nil {
		return image{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return image{}, err
	}
	cache = filepath.Join(cache, "libcontainer-vm")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return image{}, err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return image{}, err
	}
	defer unlock()
	i := image{filepath.Join(cache, name)}
	if _, err := os.Stat(i.dir); err == nil {
		return i, os.Chtimes(i.dir, time.Time{}, time.Now())
	}
	if err := prune(cache, 14*24*time.Hour); err != nil {
		return image{}, err
	}
	if err := buildImage(ctx, i.dir); err != nil {
		return image{}, fmt.Errorf("build the image: %w", err)
	}
	return i, nil
}

// lock waits for the lock of a file. It ends with the process, if that dies.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// prune removes images that nobody has used for that long, and what a killed
// build has left.
func prune(cache string, unused time.Duration) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		if strings.HasPrefix(e.Name(), "new-") || time.Since(info.ModTime()) > unused {
			if err := os.RemoveAll(filepath.Join(cache, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// buildImage makes an image, which appears whole or not at all.
func buildImage(ctx context.Context, dest string) error {
	if os.Geteuid() != 0 {
		return errors.New("this needs root, for the image has files of several users")
	}
	work, err := os.MkdirTemp(filepath.Dir(dest), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	dir := filepath.Join(work, "image")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	mirror, err := debs.FindMirror(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "vm: building the image, once; this takes a minute or two")
	root := filepath.Join(work, "root")
	if err := buildRoot(ctx, work, mirror, root); err != nil {
		return err
	}
	for _, name := range []string{rootSuite, oldSuite} {
		s, err := debs.NewSuite(ctx, filepath.Join(work, name), mirror, name)
		if err != nil {
			return err
		}
		if err := addKernel(ctx, s, root, dir); err != nil {
			return err
		}
	}
	if err := addQEMU(ctx, work, mirror, dir); err != nil {
		return err
	}
	if err := makeDisk(ctx, root, image{dir}.disk()); err != nil {
		return err
	}
	return os.Rename(dir, dest)
}

// buildRoot makes the root file system of Debian's packages.
func buildRoot(ctx context.Context, work, mirror, root string) error {
	// What the machine's apt does to reach the mirror, such as a proxy, is right
	// for the image's apt too.
	acquire, err := command.Output(ctx, "apt-config", "dump", "Acquire")
	if err != nil {
		return err
	}
	aptopt := filepath.Join(work, "acquire.conf")
	if err := os.WriteFile(aptopt, []byte(acquire), 0o644); err != nil {
		return err
	}
	_, err = command.Output(ctx, "mmdebstrap", "--mode=root", "--variant=essential", "--quiet", "--aptopt="+aptopt,
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--include="+strings.Join(packages, ","), rootSuite, root, debs.SourceLine(mirror, rootSuite))
	if err != nil {
		return err
	}
	agent, err := guest.ReadFile("guest/vm-command")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "usr/local/sbin/vm-command"), agent, 0o755); err != nil {
		return err
	}
	configure, err := guest.Open("guest/configure.sh")
	if err != nil {
		return err
	}
	defer configure.Close()
	cmd := exec.CommandContext(ctx, "chroot", root, "/bin/sh", "-s")
	cmd.Stdin = configure
	_, err = command.OutputOf(cmd)
	return err
}

// addQEMU unpacks a newer QEMU than the machine's into the image. Where there is
// none, or it doesn't run, the machine's will do.
func addQEMU(ctx context.Context, work, mirror, dir string) error {
	dest := filepath.Join(dir, "qemu")
	s, err := debs.NewSuite(ctx, filepath.Join(work, qemuSuite), mirror, qemuSuite)
	if err == nil {
		err = s.Unpack(ctx, dest, qemuPackages...)
	}
	if err == nil {
		_, err = command.Output(ctx, image{dir}.qemu(), "--version")
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintln(os.Stderr, "vm: the installed QEMU is used, for the newer one can't be:", err)
	return os.RemoveAll(dest)
}

// makeDisk writes a tree into a new disk image. It is sparse, and needs no
// journal: each boot begins with the same disk.
func makeDisk(ctx context.Context, root, dest string) error {
	_, err := command.Output(ctx, "mkfs.ext4", "-q", "-O", "^has_journal", "-d", root, dest, "8G")
	return err
}
