// Images on disk, and the directories of their layers. Nothing that an image says is trusted.

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/umoci/oci/layer"
	"golang.org/x/sys/unix"
)

// image is a configuration, which has the digests of the layers' contents, and the layers.
type image struct {
	ispec.Image
	layers []blob // the lowest first
}

// blob is a file of an image. In what docker save writes nothing tells its digest.
type blob struct {
	name   string
	digest digest.Digest
}

// source opens an image's files by their names, and tells their sizes.
type source func(name string) (io.ReadCloser, int64, error)

// open gives the files of a directory or a tar archive, until it is closed.
func open(name string) (source, io.Closer, error) {
	if root, err := os.OpenRoot(name); err == nil {
		return func(name string) (io.ReadCloser, int64, error) {
			f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe is empty, and not waited for
			if err != nil {
				return nil, 0, err
			}
			info, err := f.Stat()
			if err != nil {
				return nil, 0, errors.Join(err, f.Close())
			}
			return f, info.Size(), nil
		}, root, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	files, links := map[string]*io.SectionReader{}, map[string]string{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		at, seekErr := f.Seek(0, io.SeekCurrent) // r has read the file's header, and no more
		if err = errors.Join(err, seekErr); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
		switch file := path.Clean(h.Name); h.Typeflag {
		case tar.TypeReg:
			files[file] = io.NewSectionReader(f, at, h.Size)
		case tar.TypeSymlink: // older dockers save a layer of several images once
			links[file] = path.Join(path.Dir(file), h.Linkname)
		}
	}
	return func(name string) (io.ReadCloser, int64, error) {
		if to, ok := links[name]; ok {
			name = to
		}
		file, ok := files[name]
		if !ok {
			return nil, 0, fmt.Errorf("open %s in the archive: %w", name, os.ErrNotExist)
		}
		return io.NopCloser(io.NewSectionReader(file, 0, file.Size())), file.Size(), nil
	}, f, nil
}

// decode reads a blob of JSON.
func (open source) decode(b blob, value any) error {
	file, _, err := open(b.name)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 8<<20))
	if err == nil && b.digest != "" && b.digest.Algorithm().FromBytes(data) != b.digest {
		err = errors.New("its digest is another one")
	}
	if err == nil {
		err = json.Unmarshal(data, value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	return nil
}

// search collects the images for a platform.
type search struct {
	source
	platform platforms.Matcher
	seen     map[digest.Digest]bool
	found    []image
	there    []string // names and platforms, for a person
}

// find gives the one image for a platform that has a name, or any name if that is empty.
func (open source) find(name string, platform ispec.Platform) (*image, error) {
	s := search{source: open, platform: platforms.NewMatcher(platform), seen: map[digest.Digest]bool{}}
	var index ispec.Index
	err := open.decode(blob{name: ispec.ImageIndexFile}, &index)
	if err == nil {
		err = s.index(index.Manifests, name)
	} else if errors.Is(err, os.ErrNotExist) {
		err = s.saved(name)
	}
	if err == nil && len(s.found) != 1 {
		err = fmt.Errorf("there are %d images for %s with the name %q (empty is any), among %q",
			len(s.found), platforms.Format(platform), name, s.there)
	}
	if err != nil {
		return nil, err
	}
	return &s.found[0], nil
}

// index looks through an index, and through those in it, each once: an index that is many times in
// another would take for ever.
func (s *search) index(list []ispec.Descriptor, name string) error {
	for _, d := range list {
		is := d.Annotations[ispec.AnnotationRefName]
		s.there = append(s.there, is)
		if name != "" && is != name || d.Platform != nil && !s.matches(*d.Platform) || s.seen[d.Digest] {
			continue
		}
		s.seen[d.Digest] = true
		if err := s.manifest(d); err != nil {
			return fmt.Errorf("manifest %s: %w", d.Digest, err)
		}
	}
	return nil
}

func (s *search) matches(p ispec.Platform) bool {
	s.there = append(s.there, platforms.Format(p))
	return s.platform.Match(p)
}

// manifest reads an index or the manifest of an image. There may be other things in an index.
func (s *search) manifest(d ispec.Descriptor) error {
	var is struct {
		Manifests, Layers []ispec.Descriptor
		Config            ispec.Descriptor
	}
	b, err := stored(d)
	if err == nil {
		err = s.decode(b[0], &is)
	}
	if err == nil && len(is.Manifests) > 0 && len(is.Layers) > 0 {
		err = errors.New("it is both an index and an image")
	}
	if err != nil {
		return err
	}
	switch d.MediaType {
	case ispec.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
		return s.index(is.Manifests, "")
	case ispec.MediaTypeImageManifest, "application/vnd.docker.distribution.manifest.v2+json":
		if b, err = stored(append([]ispec.Descriptor{is.Config}, is.Layers...)...); err != nil {
			return err
		}
		return s.image(b[0], b[1:])
	}
	return nil
}

// stored gives the blobs of descriptors. A digest that is valid leads to no other directory.
func stored(descriptors ...ispec.Descriptor) (blobs []blob, err error) {
	for _, d := range descriptors {
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("digest %q: %w", d.Digest, err)
		}
		name := path.Join(ispec.ImageBlobsDir, d.Digest.Algorithm().String(), d.Digest.Encoded())
		blobs = append(blobs, blob{name, d.Digest})
	}
	return blobs, nil
}

// saved looks through what docker save wrote before version 25, and podman save writes.
func (s *search) saved(name string) error {
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := s.decode(blob{name: "manifest.json"}, &list); err != nil {
		return fmt.Errorf("neither a layout, with index.json, nor of docker save: %w", err)
	}
	for _, is := range list {
		s.there = append(s.there, is.RepoTags...)
		if name != "" && !slices.Contains(is.RepoTags, name) {
			continue
		}
		var layers []blob
		for _, file := range is.Layers {
			layers = append(layers, blob{name: path.Clean(file)})
		}
		if err := s.image(blob{name: path.Clean(is.Config)}, layers); err != nil {
			return err
		}
	}
	return nil
}

// image has found one, if it is for the platform.
func (s *search) image(config blob, layers []blob) error {
	is := image{layers: layers}
	if err := s.decode(config, &is.Image); err != nil || !s.matches(is.Platform) {
		return err
	}
	if len(layers) == 0 || len(layers) != len(is.RootFS.DiffIDs) {
		return fmt.Errorf("it has %d layers, and %s tells of %d", len(layers), config.name, len(is.RootFS.DiffIDs))
	}
	for _, id := range is.RootFS.DiffIDs {
		if err := id.Validate(); err != nil {
			return fmt.Errorf("%s: diff id %q: %w", config.name, id, err)
		}
	}
	s.found = append(s.found, is)
	return nil
}

// layers gives the directories of the image's layers in a store, the topmost first, as overlayfs takes
// them. Each is unpacked once, and named by the digest of its content.
func (open source) layers(img *image, store string) (dirs []string, err error) {
	// One program at a time unpacks, beside the layers: what another one, which was killed, has
	// left there goes, and is never taken for a layer.
	if err := os.MkdirAll(store, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.Open(store)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", store, err)
	}
	beside := filepath.Join(store, "unpacking")
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	for i, id := range slices.Backward(img.RootFS.DiffIDs) {
		dir := filepath.Join(store, id.Algorithm().String()+"-"+id.Encoded())
		if slices.Contains(dirs, dir) {
			continue // it is there once: further down it would have no effect, and overlayfs refuses it
		}
		dirs = append(dirs, dir)
		if _, err := os.Lstat(dir); err == nil {
			continue
		}
		if err = os.RemoveAll(beside); err == nil {
			err = os.Mkdir(beside, 0o755)
		}
		if err == nil {
			err = open.unpack(img.layers[i], id, beside)
		}
		if err == nil {
			err = unix.Syncfs(int(lock.Fd())) // also a crash of the machine leaves whole layers
		}
		if err == nil {
			err = os.Rename(beside, dir)
		}
		if err != nil {
			return nil, fmt.Errorf("unpack layer %s of %s: %w", id, img.layers[i].name, err)
		}
	}
	return dirs, nil
}

// unpack unpacks a layer into an empty directory, and checks that it was the one that it should be.
func (open source) unpack(b blob, id digest.Digest, dir string) error {
	file, size, err := open(b.name)
	if err != nil {
		return err
	}
	defer file.Close()
	progress := bar(size)
	defer progress.Close()
	stored, content := digest.Canonical.Digester(), id.Verifier()
	if b.digest != "" {
		stored = b.digest.Algorithm().Digester()
	}
	compressed := io.TeeReader(file, io.MultiWriter(stored.Hash(), progress))
	r, err := decompress(compressed)
	if err != nil {
		return err
	}
	defer r.Close()
	plain := io.TeeReader(r, content)
	if err := extract(plain, dir); err != nil {
		return err
	}
	// What comes after the archive's end belongs to what the digests are of.
	for _, rest := range []io.Reader{plain, compressed} {
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return err
		}
	}
	if b.digest != "" && stored.Digest() != b.digest {
		return fmt.Errorf("its digest is %s", stored.Digest())
	}
	if !content.Verified() {
		return errors.New("its content has another digest")
	}
	return nil
}

func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(4) // an empty layer is longer than that, too
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}

// extract makes the files of a layer, with whiteouts and opaque directories as an overlay in a user
// namespace has them.
func extract(r io.Reader, dir string) error {
	to := layer.NewTarExtractor(&layer.UnpackOptions{OnDiskFormat: layer.OverlayfsRootfs{UserXattr: true}})
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// The extractor follows no link out of the directory. But a whiteout of .. would remove what is
		// above it, and a device node of the right number be a whiteout that nothing shows.
		hidden, isWhiteout := strings.CutPrefix(path.Base(path.Clean("/"+h.Name)), ".wh.")
		switch {
		case !filepath.IsLocal("./" + h.Name), isWhiteout && (hidden == "." || hidden == ".."):
			err = errors.New("the name leads out of the root")
		case h.Typeflag == tar.TypeChar, h.Typeflag == tar.TypeBlock:
			err = errors.New("it is a device node, and the container gets its devices otherwise")
		default:
			err = to.UnpackEntry(dir, h, archive)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}
