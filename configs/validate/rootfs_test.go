package validate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"golang.org/x/sys/unix"
)

func TestRootfs(t *testing.T) {
	dir := directory(t)
	inner := filepath.Join(dir, "real", "inner")
	file := filepath.Join(dir, "file")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	set := func(rootfs string) func(*configs.Config) {
		return func(c *configs.Config) { c.Rootfs = rootfs }
	}
	run(t, []testCase{
		{"directory", set(inner), ""},
		{"root with a mount namespace", set("/"), ""},
		{"root without one", func(c *configs.Config) { *c = configs.Config{Rootfs: "/"} }, `Rootfs "/" needs a NEWNS`},
		{"empty", set(""), "Rootfs"},
		{"relative", set("rootfs"), `Rootfs "rootfs" is not absolute`},
		{"NUL", set("/a\x00b"), "NUL"},
		{"slash at the end", set(inner + "/"), "not clean"},
		{"dot dot", set(dir + "/real/../real"), "not clean"},
		{"missing", set(dir + "/missing"), "no such file"},
		{"file", set(file), "is not a directory"},
		{"symbolic link", set(dir + "/link"), "symbolic link"},
		{"below a symbolic link", set(dir + "/link/inner"), "symbolic link"},
	})
}

func TestRootfsFlags(t *testing.T) {
	set := func(flags int) func(*configs.Config) {
		return func(c *configs.Config) { c.RootPropagation = flags }
	}
	bare := func(edit func(*configs.Config)) func(*configs.Config) {
		return func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs}
			edit(c)
		}
	}
	run(t, []testCase{
		{"private", set(unix.MS_PRIVATE), ""},
		{"rslave", set(unix.MS_SLAVE | unix.MS_REC), ""},
		{"shared", set(unix.MS_SHARED), ""},
		{"unbindable", set(unix.MS_UNBINDABLE | unix.MS_SILENT), ""},
		{"rec alone", set(unix.MS_REC), "RootPropagation"},
		{"two types", set(unix.MS_SHARED | unix.MS_PRIVATE), "RootPropagation"},
		{"another flag", set(unix.MS_PRIVATE | unix.MS_RDONLY), "RootPropagation"},
		{"propagation without a mount namespace", bare(set(unix.MS_PRIVATE)), "RootPropagation needs a NEWNS"},
		{"readonly", func(c *configs.Config) { c.Readonlyfs = true }, ""},
		{"readonly without a mount namespace", bare(func(c *configs.Config) { c.Readonlyfs = true }), "Readonlyfs needs a NEWNS"},
	})
}

func TestHiddenPaths(t *testing.T) {
	mask := func(paths ...string) func(*configs.Config) {
		return func(c *configs.Config) { c.MaskPaths = paths }
	}
	readonly := func(paths ...string) func(*configs.Config) {
		return func(c *configs.Config) { c.ReadonlyPaths = paths }
	}
	run(t, []testCase{
		{"mask", mask("/proc/kcore", "/does/not/exist"), ""},
		{"mask none", mask(), ""},
		{"mask relative", mask("/ok", "proc/kcore"), `MaskPaths[1] "proc/kcore" is not absolute`},
		{"mask empty", mask(""), "MaskPaths[0]"},
		{"mask dot dot", mask("/proc/../etc"), `MaskPaths[0] "/proc/../etc" has a ".."`},
		{"mask NUL", mask("/a\x00"), "NUL"},
		{"mask root", mask("/."), "is the root itself"},
		{"dots in a name", mask("/a..b/..c"), ""},
		{"readonly", readonly("/proc/sys"), ""},
		{"readonly relative", readonly("proc/sys"), `ReadonlyPaths[0] "proc/sys" is not absolute`},
		{"readonly root", readonly("/"), "is the root itself"},
		{"mask without a mount namespace", func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs, MaskPaths: []string{"/proc/kcore"}}
		}, "MaskPaths needs a NEWNS"},
		{"readonly without a mount namespace", func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs, ReadonlyPaths: []string{"/proc/sys"}}
		}, "ReadonlyPaths needs a NEWNS"},
	})
}
