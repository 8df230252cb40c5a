package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	refName      = "org.opencontainers.image.ref.name"
)

// entry is one of a layer's archive.
type entry struct {
	tar.Header
	content string
}

func dirEntry(name string, mode int64) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, ""}
}

func fileEntry(name string, mode int64, content string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content}
}

func linkEntry(kind byte, name, target string) entry {
	return entry{tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func (e entry) ownedBy(uid, gid int) entry {
	e.Uid, e.Gid = uid, gid
	return e
}

func (e entry) withXattr(name, value string) entry {
	e.PAXRecords = map[string]string{"SCHILY.xattr." + name: value}
	return e
}

// layerOf makes the archive of a layer, which is not compressed.
func layerOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// archiveOf makes an archive of a directory.
func archiveOf(t *testing.T, dir string) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	if err := w.AddFS(os.DirFS(dir).(fs.ReadLinkFS)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zstdOf makes what zstd(1) reads, of blocks that are not compressed, see RFC 8878.
func zstdOf(data []byte) []byte {
	const noFlags, window = 0, 10 << 3 // of 1 MiB
	out := []byte{0x28, 0xb5, 0x2f, 0xfd, noFlags, window}
	for block := range slices.Chunk(data, 128<<10) {
		header := len(block) << 3
		if &block[len(block)-1] == &data[len(data)-1] {
			header |= 1 // the last one
		}
		out = append(append(out, byte(header), byte(header>>8), byte(header>>16)), block...)
	}
	return out
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// object is one of JSON.
type object = map[string]any

// imageLayout is an OCI image layout that a test makes.
type imageLayout struct {
	*testing.T
	dir string
}

func newLayout(t *testing.T) imageLayout {
	t.Helper()
	dir := filepath.Join(publicTempDir(t), "layout")
	write(t, `{"imageLayoutVersion":"1.0.0"}`, dir, "oci-layout")
	return imageLayout{t, dir}
}

// blob stores data, and gives the descriptor of it.
func (l imageLayout) blob(mediaType string, data []byte) object {
	l.Helper()
	digest := digestOf(data)
	write(l.T, string(data), l.dir, "blobs/sha256", digest[len("sha256:"):])
	return object{"mediaType": mediaType, "digest": digest, "size": len(data)}
}

// imageConfig is the configuration of an image with these layers.
func imageConfig(config object, layers ...[]byte) object {
	var ids []string
	for _, data := range layers {
		ids = append(ids, digestOf(data))
	}
	return object{"os": "linux", "architecture": "amd64", "config": config,
		"rootfs": object{"type": "layers", "diff_ids": ids}}
}

// image stores an image, and gives the descriptor of its manifest.
func (l imageLayout) image(config object, layers ...[]byte) object {
	l.Helper()
	var blobs []object
	for _, data := range layers {
		blobs = append(blobs, l.blob(typeLayer, gzipped(l.T, data)))
	}
	return l.manifest(config, blobs...)
}

func (l imageLayout) manifest(config object, layers ...object) object {
	l.Helper()
	manifest := object{"schemaVersion": 2, "mediaType": typeManifest,
		"config": l.blob(typeConfig, encode(l.T, config)), "layers": layers}
	return l.blob(typeManifest, encode(l.T, manifest))
}

// nested stores an index, and gives the descriptor of it.
func (l imageLayout) nested(manifests ...object) object {
	l.Helper()
	return l.blob(typeIndex, encode(l.T, object{"schemaVersion": 2, "mediaType": typeIndex, "manifests": manifests}))
}

// finish writes the index of the layout.
func (l imageLayout) finish(manifests ...object) string {
	l.Helper()
	write(l.T, string(encode(l.T, object{"schemaVersion": 2, "manifests": manifests})), l.dir, "index.json")
	return l.dir
}

// savedOf makes what docker save wrote in its first form, where a layer that it has written before is
// a link.
func savedOf(t *testing.T, tag string, config object, layers ...[]byte) string {
	t.Helper()
	dir := publicTempDir(t)
	data := encode(t, config)
	name := digestOf(data)[len("sha256:"):] + ".json"
	write(t, string(data), dir, "image", name)
	seen := map[string]string{}
	var files []string
	for i, layer := range layers {
		file := itoa(i) + "/layer.tar"
		if first := seen[digestOf(layer)]; first != "" {
			mkdir(t, dir, "image", itoa(i))
			link(t, "../"+first, dir, "image", file)
		} else {
			write(t, string(layer), dir, "image", file)
		}
		seen[digestOf(layer)] = file
		files = append(files, file)
	}
	write(t, string(encode(t, []object{{"Config": name, "RepoTags": []string{tag}, "Layers": files}})),
		dir, "image", "manifest.json")
	return write(t, string(archiveOf(t, filepath.Join(dir, "image"))), dir, "saved.tar")
}
