package validate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// layerDirs makes directories below one, and gives its path.
func layerDirs(t *testing.T, names ...string) string {
	t.Helper()
	dir := directory(t)
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOverlay(t *testing.T) {
	dir := layerDirs(t, "a", "a-b", "b/c", "upper/sub", "work", `x,y:z\`)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", at("link")); err != nil {
		t.Fatal(err)
	}
	with := func(edit func(*configs.Overlay)) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Rootfs = ""
			c.Overlay = &configs.Overlay{Lower: []string{at("a"), at("b")}, Memory: 1}
			edit(c.Overlay)
		}
	}
	lower := func(list ...string) func(*configs.Config) {
		return with(func(o *configs.Overlay) { o.Lower = list })
	}
	disk := func(upper, work string) func(*configs.Config) {
		return with(func(o *configs.Overlay) { o.Memory, o.Upper, o.Work = 0, upper, work })
	}
	data := func(text string) func(*configs.Config) {
		return with(func(o *configs.Overlay) { o.Data = text })
	}
	run(t, []testCase{
		{"in memory", with(func(*configs.Overlay) {}), ""},
		{"on disk", disk(at("upper"), at("work")), ""},
		{"beginning of a name", lower(at("a-b"), at("a")), ""},
		{"separators", lower(at(`x,y:z\`)), ""},
		{"options", data("volatile,xino=off"), ""},
		{"no layers", lower(), "Overlay.Lower is empty"},
		{"too many", lower(make([]string, 501)...), "501 layers"},
		{"empty layer", lower(at("a"), ""), "Overlay.Lower[1]"},
		{"relative", lower("a"), `Overlay.Lower[0] "a" is not absolute`},
		{"not clean", lower(at("a") + "/"), "is not clean"},
		{"missing", lower(at("missing")), "Overlay.Lower[0]"},
		{"file", lower(at("file")), "is not a directory"},
		{"link", lower(at("link")), "symbolic link"},
		{"NUL", lower("/a\x00"), "NUL"},
		{"twice", lower(at("a"), at("b"), at("a")), "Overlay.Lower[2] \"" + at("a") + "\" is Lower[0], too"},
		{"within another", lower(at("b/c"), at("b")), "Overlay.Lower[0] \"" + at("b/c") + "\" is within Lower[1]"},
		{"nowhere to change", with(func(o *configs.Overlay) { o.Memory = 0 }), "neither Upper and Work nor Memory"},
		{"both", with(func(o *configs.Overlay) { o.Upper = at("upper") }), "both Memory and Upper"},
		{"negative", with(func(o *configs.Overlay) { o.Memory = -1 }), "Overlay.Memory -1"},
		{"no work", disk(at("upper"), ""), "Overlay.Work"},
		{"no upper", disk("", at("work")), "Overlay.Upper"},
		{"missing upper", disk(at("missing"), at("work")), "Overlay.Upper"},
		{"one directory", disk(at("upper"), at("upper")), "are not beside each other"},
		{"work in upper", disk(at("upper"), at("upper/sub")), "are not beside each other"},
		{"upper in work", disk(at("upper/sub"), at("upper")), "are not beside each other"},
		{"upper is a layer", disk(at("a"), at("work")), "overlaps Lower[0]"},
		{"work in a layer", disk(at("upper"), at("b/c")), "overlaps Lower[1]"},
		{"lowerdir", data("index=off,lowerdir=/x"), "lowerdir"},
		{"upperdir", data("upperdir=/x"), "upperdir"},
		{"userxattr", data("userxattr"), "userxattr"},
		{"NUL in options", data("a\x00"), "NUL"},
		{"Rootfs too", func(c *configs.Config) {
			c.Overlay = &configs.Overlay{Lower: []string{at("a")}, Memory: 1}
		}, "must be empty, as the root is made of Overlay"},
		{"without a mount namespace", func(c *configs.Config) {
			*c = configs.Config{Overlay: &configs.Overlay{Lower: []string{at("a")}, Memory: 1}}
		}, "Overlay needs a new NEWNS"},
		{"a joined mount namespace", func(c *configs.Config) {
			with(func(*configs.Overlay) {})(c)
			c.Namespaces.Add(configs.NEWNS, "/proc/1/ns/mnt2")
		}, "Overlay needs a new NEWNS"},
	})
}

func TestRootIDMapping(t *testing.T) {
	with := func(kind configs.MountIDMapping, edit func(*configs.Config)) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWUSER, "")
			c.UidMappings = []configs.IDMap{{HostID: 1000, Size: 10}}
			c.GidMappings = c.UidMappings
			c.RootIDMapping = kind
			edit(c)
		}
	}
	none := func(*configs.Config) {}
	overlay := func(c *configs.Config) {
		c.Overlay = &configs.Overlay{Lower: []string{c.Rootfs}, Memory: 1}
		c.Rootfs = ""
	}
	run(t, []testCase{
		{"one mount", with(configs.IDMapMount, none), ""},
		{"recursive", with(configs.IDMapRecursive, none), ""},
		{"overlay", with(configs.IDMapMount, overlay), ""},
		{"recursive overlay", with(configs.IDMapRecursive, overlay), "RootIDMapping \"ridmap\" is not for an Overlay"},
		{"unknown", with("all", none), `RootIDMapping "all" is none of`},
		{"without a user namespace", func(c *configs.Config) { c.RootIDMapping = configs.IDMapMount }, "RootIDMapping needs a NEWUSER"},
		{"without a mount namespace", with(configs.IDMapMount, func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs, RootIDMapping: configs.IDMapMount, Namespaces: configs.Namespaces{{Type: configs.NEWUSER}},
				UidMappings: c.UidMappings, GidMappings: c.GidMappings}
		}), "RootIDMapping needs a NEWNS"},
	})
}

func TestIDPool(t *testing.T) {
	with := func(pool configs.IDPool) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWUSER, "")
			c.IDs = &pool
		}
	}
	run(t, []testCase{
		{"pool", with(configs.IDPool{First: 100000, Size: 65536, Count: 1000}), ""},
		{"up to the last id", with(configs.IDPool{First: 1, Size: 2, Count: 1<<31 - 1}), ""},
		{"beyond the last id", with(configs.IDPool{First: 1, Size: 2, Count: 1 << 31}), "IDs.Count"},
		{"with mappings", func(c *configs.Config) {
			with(configs.IDPool{First: 100000, Size: 65536, Count: 1000})(c)
			c.UidMappings = []configs.IDMap{{HostID: 1000, Size: 10}}
			c.GidMappings = c.UidMappings
		}, ""},
		{"root's id", with(configs.IDPool{Size: 65536, Count: 1000}), "IDs.First 0"},
		{"no size", with(configs.IDPool{First: 1, Count: 1}), "IDs.Size 0"},
		{"no ranges", with(configs.IDPool{First: 1, Size: 1}), "IDs.Count 0"},
		{"negative", with(configs.IDPool{First: 1, Size: 1, Count: -1}), "IDs.Count -1"},
		{"too large", with(configs.IDPool{First: 1, Size: 1 << 33, Count: 1}), "IDs.Size"},
		{"without a user namespace", func(c *configs.Config) { c.IDs = &configs.IDPool{First: 1, Size: 1, Count: 1} }, "IDs need a new NEWUSER"},
		{"a joined user namespace", func(c *configs.Config) {
			with(configs.IDPool{First: 1, Size: 1, Count: 1})(c)
			c.Namespaces.Add(configs.NEWUSER, "/proc/1/ns/user")
		}, "IDs need a new NEWUSER"},
	})
	pool := configs.IDPool{First: 100000, Size: 65536, Count: 3}
	if got, want := pool.Mapping(2), (configs.IDMap{HostID: 231072, Size: 65536}); got != want {
		t.Errorf("the last range is %v, want %v", got, want)
	}
	if text := pool.String(); !strings.Contains(text, "3 ranges of 65536 ids from 100000 on") {
		t.Errorf("it is called %q", text)
	}
}
