//world:any

package integration

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// hostileImage makes an image, and tells what the error is to say.
type hostileImage func(t *testing.T) (dir string, why []string)

// hostileLayer is an image whose second layer is unpacked first, and is not to be.
func hostileLayer(why string, entries ...entry) hostileImage {
	return func(t *testing.T) (string, []string) {
		l := newLayout(t)
		good, bad := layerOf(t, dirEntry("good/", 0o755)), layerOf(t, entries...)
		return l.finish(l.image(imageConfig(object{}, good, bad), good, bad)), []string{why, "unpack layer " + digestOf(bad)}
	}
}

// files are those of an image that is to be changed after it was made.
type files struct {
	imageLayout
	manifest, config, layer string
}

func spoilt(change func(files), why ...string) hostileImage {
	return func(t *testing.T) (string, []string) {
		l := newLayout(t)
		data := layerOf(t, dirEntry("good/", 0o755), fileEntry("good/file", 0o644, strings.Repeat("text", 1000)))
		config := imageConfig(object{"Cmd": []string{"true"}}, data)
		manifest := l.image(config, data)
		file := func(digest string) string {
			return filepath.Join(l.dir, "blobs/sha256", strings.TrimPrefix(digest, "sha256:"))
		}
		dir := l.finish(manifest)
		change(files{l, file(manifest["digest"].(string)), file(digestOf(encode(t, config))), file(digestOf(gzipped(t, data)))})
		return dir, why
	}
}

// spoiltLayer is such an image, and the error is to name the layer.
func spoiltLayer(change func(files), why ...string) hostileImage {
	return spoilt(change, append(why, "unpack layer sha256:", " of blobs/sha256/")...)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// hostileImages are by what is wrong with them.
var hostileImages = map[string]hostileImage{
	"parent directory":     hostileLayer("leads out of the root", fileEntry("../outside", 0o644, "x")),
	"parents inside":       hostileLayer("leads out of the root", fileEntry("a/../../../outside", 0o644, "x")),
	"hard link to outside": hostileLayer("link", linkEntry(tar.TypeLink, "link", "../../../../../../../../etc/passwd")),
	"absolute hard link":   hostileLayer("link", linkEntry(tar.TypeLink, "link", "/etc/passwd")),
	"hard link through link": hostileLayer("link", linkEntry(tar.TypeSymlink, "etc", "/etc"),
		linkEntry(tar.TypeLink, "link", "etc/passwd")),
	"block device":                      hostileLayer("device node", entry{tar.Header{Typeflag: tar.TypeBlock, Name: "sda", Devmajor: 8}, ""}),
	"device that would be a whiteout":   hostileLayer("device node", entry{tar.Header{Typeflag: tar.TypeChar, Name: "hidden"}, ""}),
	"whiteout of parent":                hostileLayer("leads out of the root", fileEntry(".wh...", 0o644, "")),
	"whiteout of parent in a directory": hostileLayer("leads out of the root", dirEntry("a/", 0o755), fileEntry("a/.wh...", 0o644, "")),
	"whiteout of root":                  hostileLayer("leads out of the root", fileEntry("./.wh..", 0o644, "")),
	"whiteout of parent through link":   hostileLayer("leads out of the root", linkEntry(tar.TypeSymlink, "a", "/"), dirEntry("a/.wh.../", 0o755)),
	"root is a link":                    hostileLayer("root", linkEntry(tar.TypeSymlink, ".", "/etc")),
	"unknown type":                      hostileLayer("typeflag", entry{tar.Header{Typeflag: 'Z', Name: "a"}, ""}),

	"other blob": spoiltLayer(func(f files) {
		write(f.T, string(gzipped(f.T, layerOf(f.T, dirEntry("other/", 0o755)))), f.layer)
	}, "its digest is sha256:"),
	"blob packed otherwise": spoiltLayer(func(f files) {
		r, err := gzip.NewReader(strings.NewReader(readFile(f.T, f.layer)))
		if err != nil {
			f.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		write(f.T, string(plain), f.layer)
	}, "its digest is sha256:"),
	"truncated blob": spoiltLayer(func(f files) {
		data := readFile(f.T, f.layer)
		write(f.T, data[:len(data)/2], f.layer)
	}, "unexpected EOF"),
	"empty blob":           spoiltLayer(func(f files) { write(f.T, "", f.layer) }, "EOF"),
	"blob with a bit more": spoiltLayer(func(f files) { write(f.T, readFile(f.T, f.layer)+"more than there was", f.layer) }, "gzip"),
	"missing blob":         spoiltLayer(func(f files) { remove(f.T, f.layer) }, "file"),
	"blob is a link to outside": spoiltLayer(func(f files) {
		write(f.T, readFile(f.T, f.layer), filepath.Dir(f.dir), "blob")
		link(f.T, "../../../blob", f.layer)
	}),
	"blob is a pipe": spoiltLayer(func(f files) {
		remove(f.T, f.layer)
		if err := syscall.Mkfifo(f.layer, 0o644); err != nil {
			f.Fatal(err)
		}
	}, "EOF"),
	"wrong diff id": spoiltLayer(func(f files) {
		data, other := layerOf(f.T, dirEntry("good/", 0o755)), layerOf(f.T, dirEntry("other/", 0o755))
		f.finish(f.image(imageConfig(object{}, other), data))
	}, "its content has another digest"),

	"other manifest": spoilt(func(f files) { write(f.T, readFile(f.T, f.manifest)+" ", f.manifest) }, "its digest is another one"),
	"other configuration": spoilt(func(f files) {
		write(f.T, strings.Replace(readFile(f.T, f.config), "true", "evil", 1), f.config)
	}, "its digest is another one"),
	"broken index": spoilt(func(f files) { write(f.T, "{", f.dir, "index.json") }, "index.json"),
	"digest with a path": spoilt(func(f files) {
		f.finish(object{"mediaType": typeManifest, "digest": "sha256:../../../" + filepath.Base(f.manifest), "size": 1})
	}, "invalid"),
	"diff id with a path": spoilt(func(f files) {
		data := layerOf(f.T)
		config := imageConfig(object{}, data)
		config["rootfs"].(object)["diff_ids"] = []string{"sha256:../../outside"}
		f.finish(f.image(config, data))
	}, "diff id", "../../outside"),
	"too few diff ids": spoilt(func(f files) {
		data := layerOf(f.T)
		f.finish(f.image(imageConfig(object{}, data), data, data))
	}, "it has 2 layers"),
	"no layers": spoilt(func(f files) { f.finish(f.image(imageConfig(object{}))) }, "it has 0 layers"),
	"index and image": spoilt(func(f files) {
		some := []object{{"digest": digestOf(nil)}}
		f.finish(f.blob(typeManifest, encode(f.T, object{"manifests": some, "layers": some})))
	}, "both an index and an image"),
	"indexes for ever": spoilt(func(f files) {
		index := f.nested()
		for range 50 {
			index = f.nested(index, index, index)
		}
		f.finish(index)
	}, "0 images"),
}

// tree lists the files in a directory, and what tells whether they are the same.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		list = append(list, strings.Join([]string{name, info.Mode().String(), itoa(int(stat.Ino)), itoa(int(stat.Size)), itoa(int(stat.Nlink))}, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Nothing is changed outside, not even what others have in the store, and nothing half-made is left.
func TestImageExampleHostile(t *testing.T) {
	checkLeaks(t)
	l := newLayout(t)
	base := baseLayer(t)
	good, store := imageExample(t, l.finish(l.image(imageConfig(object{}, base), base)), "true")
	if out, err := good.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	before := tree(t, filepath.Dir(store))
	for name, make := range hostileImages {
		t.Run(name, func(t *testing.T) {
			dir, why := make(t)
			images := []string{dir}
			if name != "blob is a pipe" {
				images = append(images, write(t, string(archiveOf(t, dir)), publicTempDir(t), "image.tar"))
			}
			for _, image := range images {
				for _, text := range why {
					wantFailure(t, exec.Command(good.Path, "-store", store, "-platform", "linux/amd64", image, "true"), 1, text)
				}
			}
			after := tree(t, filepath.Dir(store))
			if !slices.Equal(before, after) {
				t.Errorf("added: %q, removed: %q", added(before, after), added(after, before))
			}
		})
	}
}

// What leads outside in a layer, and is allowed, stays inside.
func TestImageExampleStaysInside(t *testing.T) {
	checkLeaks(t)
	outside := publicTempDir(t)
	base, l := baseLayer(t), newLayout(t)
	top := layerOf(t,
		linkEntry(tar.TypeSymlink, "absolute", outside),
		fileEntry("absolute/file", 0o644, "x"),
		linkEntry(tar.TypeSymlink, "relative", "../../../../../../../../../.."+outside),
		fileEntry("relative/more", 0o644, "x"),
		fileEntry("relative/.wh.gone", 0o644, ""),
		fileEntry("/rooted", 0o644, "x").withXattr("user.overlay.redirect", "/etc").withXattr("trusted.overlay.opaque", "y"),
		dirEntry("etc/", 0o755).withXattr("user.overlay.opaque", "y"),
	)
	file := l.finish(l.image(imageConfig(object{}, base, top), base, top))
	write(t, "x", outside, "gone")
	before := tree(t, outside)
	wantOutput(t, runImage(t, file, "sh", "-c", "cd "+outside+"; cat file more gone /rooted 2>&1; ls /etc/passwd"), "xxcat: can't open 'gone': No such file or directory\nx/etc/passwd")
	if after := tree(t, outside); !slices.Equal(before, after) {
		t.Errorf("outside was %q, and is %q", before, after)
	}
}
