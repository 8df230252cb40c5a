package criuimage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ManifestName is the name of the manifest's file in a folder.
const ManifestName = "manifest.json"

// manifestVersion is that of the format. A reader refuses another one.
const manifestVersion = 1

const maxManifest = 64 << 20

// Manifest says what a dump has written.
type Manifest struct {
	Version int `json:"version"`

	// Files are the images by their names. Logs, statistics and the manifest itself are not
	// among them.
	Files map[string]File `json:"files"`

	// Parent is the SHA-256 of the manifest of the pre-dump before, in hex, "" if there was
	// none.
	Parent string `json:"parent,omitempty"`

	// ElsewherePages says that a page server has got the pages, so that the files that
	// hold them are not in Files.
	ElsewherePages bool `json:"elsewhere_pages,omitempty"`

	// Machine is where the dump was made.
	Machine Machine `json:"machine"`

	// Record is the caller's own.
	Record json.RawMessage `json:"record"`
}

// Machine is what a dump was made with.
type Machine struct {
	Criu         string `json:"criu"`
	Kernel       string `json:"kernel"`
	Architecture string `json:"architecture"`
	CPU          string `json:"cpu,omitempty"`
}

// File is one image.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
}

// sealed is the file: the manifest as it was written, and its HMAC-SHA256 (RFC 2104) in
// hex, if there was a key.
type sealed struct {
	Manifest json.RawMessage `json:"manifest"`
	MAC      string          `json:"hmac_sha256,omitempty"`
}

// isOther tells whether a file is none of the images: criu's logs, statistics and the like,
// which nothing is restored from.
func isOther(name string) bool {
	return name == ManifestName || name == parentLink || isSocketOfCriu(name) ||
		isLog(name) || strings.HasPrefix(name, "stats-") || strings.HasSuffix(name, ".pid")
}

// isPages tells whether an image is one that a page server writes.
func isPages(name string) bool {
	return strings.HasPrefix(name, "pages-") || strings.HasPrefix(name, "pagemap-")
}

// Write completes the manifest with the files that are in the folder, and writes it there.
// All are on the disk then. If a key is given, only who has it can write another one that
// Verify takes.
func (f *Folder) Write(m *Manifest, key []byte) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	m.Version, m.Files = manifestVersion, make(map[string]File)
	for _, name := range names {
		if isOther(name) {
			continue
		}
		if m.Files[name], err = f.digest(name, true); err != nil {
			return err
		}
	}
	if m.Parent, err = f.parentDigest(key); err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	out := sealed{Manifest: data}
	if len(key) > 0 {
		out.MAC = hex.EncodeToString(mac(data, key))
	}
	if data, err = json.Marshal(out); err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	return f.create(ManifestName, data)
}

func mac(data, key []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// create makes a file, which is on the disk when it returns, as is the folder.
func (f *Folder) create(name string, data []byte) error {
	path := filepath.Join(f.path, name)
	fd, err := unix.Openat(int(f.dir.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return &os.PathError{Op: "create", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return f.dir.Sync()
}

// digest describes a file, which it makes private, and stable, if it has just been written.
func (f *Folder) digest(name string, fresh bool) (File, error) {
	file, err := f.open(name)
	if err != nil {
		return File{}, err
	}
	defer file.Close()
	if fresh {
		if err := file.Sync(); err != nil {
			return File{}, err
		}
	}
	sum := sha256.New()
	n, err := io.Copy(struct{ io.Writer }{sum}, file)
	if err != nil {
		return File{}, err
	}
	return File{Size: n, SHA256: text(sum)}, nil
}

func text(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// parentDigest returns the digest of the manifest of the images before these.
func (f *Folder) parentDigest(key []byte) (string, error) {
	parent, err := f.parent()
	if err != nil || parent == nil {
		return "", err
	}
	defer parent.Close()
	_, digest, err := parent.load(key)
	return digest, err
}

// CheckParent looks whether the folder with that path, which is relative to this one, has the
// images of a pre-dump that was written with the key.
func (f *Folder) CheckParent(path string, key []byte) error {
	parent, err := f.openParent(path)
	if err != nil {
		return err
	}
	defer parent.Close()
	_, _, err = parent.load(key)
	return err
}

// load reads the manifest. Its digest is that of the part which is authenticated.
func (f *Folder) load(key []byte) (*Manifest, string, error) {
	data, err := f.read(ManifestName, maxManifest)
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", untrusted("%s has no %s: it was not written by a checkpoint that has been completed", f.path, ManifestName)
	}
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(f.path, ManifestName)
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, "", untrusted("decode %s: %w", path, err)
	}
	given, err := hex.DecodeString(s.MAC)
	switch {
	case len(key) == 0 && s.MAC != "":
		return nil, "", untrusted("%s was written with a key, and none is given", path)
	case len(key) == 0:
	case s.MAC == "":
		return nil, "", untrusted("%s was written without a key", path)
	case err != nil, !hmac.Equal(given, mac(s.Manifest, key)):
		return nil, "", untrusted("%s was not written with this key, or has been changed", path)
	}
	m := new(Manifest)
	if err := json.Unmarshal(s.Manifest, m); err != nil {
		return nil, "", untrusted("decode %s: %w", path, err)
	}
	if m.Version != manifestVersion {
		return nil, "", fmt.Errorf("%s has format %d, and this is for %d: %w", path, m.Version, manifestVersion, errors.ErrUnsupported)
	}
	sum := sha256.Sum256(s.Manifest)
	return m, hex.EncodeToString(sum[:]), nil
}

// Verify returns the manifest when the folder holds what it says, and nothing else that
// criu would restore. So do those of the pre-dumps before it. With a key it, and those, must have been written
// with that, and without one with none: who has forgotten the key is told so.
func (f *Folder) Verify(key []byte) (*Manifest, error) {
	var first *Manifest
	want := ""
	parents, err := f.chain(func(one *Folder) error {
		m, digest, err := one.load(key)
		if err != nil {
			return err
		}
		if first == nil {
			first = m
		} else if digest != want {
			return untrusted("%s is not the pre-dump that the images were written after", one.path)
		}
		want = m.Parent
		return one.compare(m)
	})
	closeFolders(parents)
	if err == nil && want != "" {
		err = untrusted("%s: the images of the pre-dump before these are missing (the link %q)", f.path, parentLink)
	}
	if err != nil {
		return nil, err
	}
	return first, nil
}

func (f *Folder) compare(m *Manifest) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if isOther(name) || m.ElsewherePages && isPages(name) {
			continue
		}
		if _, listed := m.Files[name]; !listed {
			return untrusted("%s is not in the manifest", filepath.Join(f.path, name))
		}
	}
	for name, want := range m.Files {
		path := filepath.Join(f.path, name)
		if !slices.Contains(names, name) {
			return untrusted("%s is missing", path)
		}
		got, err := f.digest(name, false)
		switch {
		case err != nil:
			return err
		case got.Size != want.Size:
			return untrusted("%s has %d bytes, and had %d when it was written", path, got.Size, want.Size)
		case got.SHA256 != want.SHA256:
			return untrusted("%s has been changed since it was written", path)
		}
	}
	return nil
}
