package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bzImage makes an image as the boot protocol has it, with two sectors of set-up
// and something before and behind the kernel.
func bzImage(version uint16, payload []byte) []byte {
	const sectors, offset = 2, 100
	image := make([]byte, (sectors+1)*512+offset)
	image[0x1f1] = sectors
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x206:], version)
	binary.LittleEndian.PutUint32(image[0x248:], offset)
	binary.LittleEndian.PutUint32(image[0x24c:], uint32(len(payload)))
	return append(append(image, payload...), "behind"...)
}

func TestExtractKernel(t *testing.T) {
	compressed := func(content string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return binary.LittleEndian.AppendUint32(b.Bytes(), uint32(len(content)))
	}
	good := bzImage(0x20f, compressed("\x7fELF kernel"))
	for name, tt := range map[string]struct {
		image []byte
		fails string
	}{
		"good":             {good, ""},
		"cut off":          {good[:len(good)-10], "cut off"},
		"header only":      {good[:0x24e], "not a bzImage"},
		"another file":     {make([]byte, 4096), "not a bzImage"},
		"old":              {bzImage(0x207, compressed("\x7fELF")), "2.07"},
		"no length":        {bzImage(0x20f, nil), "cut off"},
		"compressed oddly": {bzImage(0x20f, []byte("oddly compressed")), "compressed in a way"},
		"no kernel":        {bzImage(0x20f, compressed("text")), "no ELF"},
	} {
		t.Run(name, func(t *testing.T) {
			source, dest := filepath.Join(t.TempDir(), "bz"), filepath.Join(t.TempDir(), "elf")
			if err := os.WriteFile(source, tt.image, 0o644); err != nil {
				t.Fatal(err)
			}
			err := extractKernel(t.Context(), source, dest)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || !strings.Contains(err.Error(), source) {
					t.Errorf("error %v; want one that says %q and the file", err, tt.fails)
				}
				return
			}
			if got, readErr := os.ReadFile(dest); err != nil || string(got) != "\x7fELF kernel" {
				t.Errorf("kernel %q, errors %v, %v", got, err, readErr)
			}
		})
	}
}

func TestMoveModules(t *testing.T) {
	for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
		tree, root := t.TempDir(), t.TempDir()
		for _, name := range []string{"kernel/fs/a.ko", "kernel/sound/b.ko"} {
			file := filepath.Join(tree, dir, "6.1", name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := moveModules(tree, root, "6.1"); err != nil {
			t.Fatal(err)
		}
		got, err := filepath.Glob(root + "/usr/lib/modules/6.1/kernel/*/*.ko")
		if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], "fs/a.ko") {
			t.Errorf("%s: %v, error %v", dir, got, err)
		}
	}
	if err := moveModules(t.TempDir(), t.TempDir(), "6.1"); err == nil {
		t.Error("a package without modules was taken")
	}
}

func TestParseDepends(t *testing.T) {
	got := parseDepends("builtin virtio\ninsmod /m/a.ko.xz \ninsmod /m/b.ko options=1\n\ninsmod /m/a.ko.xz \ninsmod /m/c.ko\n")
	if want := []string{"/m/a.ko.xz", "/m/b.ko", "/m/c.ko"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
