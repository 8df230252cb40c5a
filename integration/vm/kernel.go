package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/libcontainer/libcontainer/integration/internal/command"
	"github.com/libcontainer/libcontainer/integration/internal/debs"
)

// bootModules are what the initramfs needs, and what the command's shares need:
// nothing of these is left to be loaded under emulation by name.
var bootModules = []string{"virtio_pci", "virtio_blk", "ext4", "virtio_console", "9p", "9pnet_virtio"}

// unusedModules are directories of drivers that no test asks for.
var unusedModules = []string{
	"kernel/drivers/gpu", "kernel/drivers/media", "kernel/drivers/infiniband", "kernel/drivers/iio",
	"kernel/drivers/staging", "kernel/drivers/scsi", "kernel/drivers/usb", "kernel/drivers/net/ethernet",
	"kernel/drivers/net/wireless", "kernel/drivers/hwmon", "kernel/drivers/input", "kernel/sound",
}

// extractKernel cuts the ELF kernel out of a bzImage, so that nothing has to be
// decompressed under emulation.
func extractKernel(ctx context.Context, bzImage, dest string) error {
	data, err := os.ReadFile(bzImage)
	if err != nil {
		return err
	}
	payload, err := kernelPayload(data)
	if err != nil {
		return fmt.Errorf("%s: %w", bzImage, err)
	}
	tool, err := decompressor(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", bzImage, err)
	}
	cmd := exec.CommandContext(ctx, tool, "-dc")
	cmd.Stdin = bytes.NewReader(payload)
	elf, err := command.OutputOf(cmd)
	if err != nil {
		return fmt.Errorf("decompress %s: %w", bzImage, err)
	}
	if !strings.HasPrefix(elf, "\x7fELF") {
		return fmt.Errorf("%s holds no ELF kernel", bzImage)
	}
	return os.WriteFile(dest, []byte(elf), 0o644)
}

// kernelPayload gives the compressed kernel, as the boot protocol tells where it
// is (Documentation/arch/x86/boot.rst). The four bytes at its end, the size that
// it has when it is decompressed, are left out.
func kernelPayload(image []byte) ([]byte, error) {
	const (
		setupSects    = 0x1f1
		magic         = 0x202
		version       = 0x206
		payloadOffset = 0x248
		payloadLength = 0x24c
		sizeLength    = 4
	)
	if len(image) < payloadLength+4 || string(image[magic:magic+4]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	if v := binary.LittleEndian.Uint16(image[version:]); v < 0x208 {
		return nil, fmt.Errorf("boot protocol %d.%02d doesn't tell where the kernel is", v>>8, v&0xff)
	}
	sectors := uint64(image[setupSects])
	if sectors == 0 {
		sectors = 4
	}
	start := (sectors+1)*512 + uint64(binary.LittleEndian.Uint32(image[payloadOffset:]))
	length := uint64(binary.LittleEndian.Uint32(image[payloadLength:]))
	if length < sizeLength || start+length > uint64(len(image)) {
		return nil, errors.New("the image is cut off")
	}
	return image[start : start+length-sizeLength], nil
}

// decompressor gives the program for compressed data, by its first bytes.
func decompressor(data []byte) (string, error) {
	for tool, magic := range map[string]string{"xz": "\xfd7zXZ\x00", "zstd": "\x28\xb5\x2f\xfd", "gzip": "\x1f\x8b"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return tool, nil
		}
	}
	return "", errors.New("the kernel is compressed in a way that is unknown here")
}

// addKernel unpacks a release's kernel: its modules into root, its ELF image and
// an initramfs into dir.
func addKernel(ctx context.Context, s *debs.Suite, root, dir string) error {
	name, err := s.Depends(ctx, "linux-image-amd64")
	if err != nil {
		return err
	}
	tree, err := os.MkdirTemp(s.Dir, "kernel-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	if err := s.Unpack(ctx, tree, name); err != nil {
		return err
	}
	version := strings.TrimPrefix(name, "linux-image-")
	if err := moveModules(tree, root, version); err != nil {
		return err
	}
	if _, err := command.Output(ctx, "depmod", "-b", root, version); err != nil {
		return err
	}
	if err := extractKernel(ctx, filepath.Join(tree, "boot/vmlinuz-"+version), filepath.Join(dir, s.Name+".kernel")); err != nil {
		return err
	}
	return makeInitramfs(ctx, filepath.Join(dir, s.Name+".initramfs"), root, version)
}

// moveModules moves a kernel's modules from its package's tree into root, but
// those that are of no use.
func moveModules(tree, root, version string) error {
	dest := filepath.Join(root, "usr/lib/modules", version)
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return err
	}
	source := filepath.Join(tree, "usr/lib/modules", version)
	if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
		source = filepath.Join(tree, "lib/modules", version) // before /usr was merged
	}
	if err := os.Rename(source, dest); err != nil {
		return err
	}
	for _, unused := range unusedModules {
		if err := os.RemoveAll(filepath.Join(dest, unused)); err != nil {
			return err
		}
	}
	return nil
}
