package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/integration/internal/command"
)

//go:embed guest/init
var initScript []byte

// makeInitramfs writes an initramfs of busybox, the modules that the boot needs
// and the script that loads them. Root has the busybox and the modules.
func makeInitramfs(ctx context.Context, dest, root, version string) error {
	out, err := command.Output(ctx, "modprobe", append([]string{"-d", root, "-S", version, "--show-depends", "-a"}, bootModules...)...)
	if err != nil {
		return err
	}
	tree, err := os.MkdirTemp(filepath.Dir(dest), "initramfs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	for _, dir := range []string{"bin", "dev", "modules", "root"} {
		if err := os.Mkdir(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	var order strings.Builder
	for _, module := range parseDepends(out) {
		name := strings.TrimSuffix(filepath.Base(module), ".xz")
		if err := copyModule(ctx, module, filepath.Join(tree, "modules", name)); err != nil {
			return err
		}
		fmt.Fprintln(&order, name)
	}
	busybox := filepath.Join(root, "usr/bin/busybox")
	if err := copyFile(busybox, filepath.Join(tree, "bin/busybox")); err != nil {
		return err
	}
	if err := os.Symlink("busybox", filepath.Join(tree, "bin/sh")); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"modules/order": []byte(order.String()), "init": initScript} {
		if err := os.WriteFile(filepath.Join(tree, name), content, 0o755); err != nil {
			return err
		}
	}
	pack := exec.CommandContext(ctx, "sh", "-c", `find . | "$0" cpio -o -H newc`, busybox)
	pack.Dir = tree
	archive, err := command.OutputOf(pack)
	if err != nil {
		return err
	}
	return os.WriteFile(dest, []byte(archive), 0o644)
}

// parseDepends gives the modules that modprobe would load, each once and in
// order.
func parseDepends(modprobe string) (modules []string) {
	for line := range strings.Lines(modprobe) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "insmod" && !slices.Contains(modules, fields[1]) {
			modules = append(modules, fields[1])
		}
	}
	return modules
}

// copyModule copies a module, decompressed.
func copyModule(ctx context.Context, source, dest string) error {
	if !strings.HasSuffix(source, ".xz") {
		return copyFile(source, dest)
	}
	content, err := command.Output(ctx, "xz", "-dc", source)
	if err != nil {
		return err
	}
	return os.WriteFile(dest, []byte(content), 0o644)
}

func copyFile(source, dest string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(dest, content, 0o755)
}
