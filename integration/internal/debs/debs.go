// Package debs gets Debian's packages of any release and unpacks them into a directory. Nothing is
// installed, and the machine's own lists of packages are not touched.
package debs

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/libcontainer/libcontainer/integration/internal/command"
)

// Source is this package's: who keeps what it has made can tell by it whether that is as it would be
// made now.
//
//go:embed debs.go
var Source embed.FS

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// A Suite is one release of Debian, with lists of packages of its own.
type Suite struct {
	Dir  string // where its files are
	Name string // such as trixie
}

// NewSuite reads a release's lists of packages into a new directory.
func NewSuite(ctx context.Context, dir, mirror, name string) (*Suite, error) {
	s := &Suite{Dir: dir, Name: name}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	for name, content := range map[string]string{
		"sources.list": SourceLine(mirror, name) + "\n",
		"status":       "",
		"apt.conf":     suiteConfig(dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := s.apt(ctx, dir, "apt-get", "update", "-q", "--error-on=any"); err != nil {
		return nil, err
	}
	return s, nil
}

// SourceLine gives a release's line of a sources.list.
func SourceLine(mirror, suite string) string {
	return fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, mirror, suite)
}

// suiteConfig is read on top of the machine's own configuration, whose proxies
// and the like stay in force.
func suiteConfig(dir string) string {
	return strings.NewReplacer("DIR", dir).Replace(`Dir::State "DIR";
Dir::State::lists "DIR/lists";
Dir::State::status "DIR/status";
Dir::Cache "DIR/cache";
Dir::Etc::sourcelist "DIR/sources.list";
Dir::Etc::sourceparts "DIR/none";
Dir::Etc::preferences "DIR/none/preferences";
Dir::Etc::preferencesparts "DIR/none";
APT::Sandbox::User "root";
`)
}

// Unpack downloads packages and unpacks them into a directory.
func (s *Suite) Unpack(ctx context.Context, dir string, packages ...string) error {
	debs, err := os.MkdirTemp(s.Dir, "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	if _, err := s.apt(ctx, debs, "apt-get", append([]string{"download", "-q"}, packages...)...); err != nil {
		return err
	}
	return extract(ctx, debs, dir)
}

// UnpackAll is Unpack of packages with all that they depend on, the C library included.
func (s *Suite) UnpackAll(ctx context.Context, dir string, packages ...string) error {
	args := append([]string{"install", "-q", "-y", "--download-only", "--no-install-recommends"}, packages...)
	if _, err := s.apt(ctx, "", "apt-get", args...); err != nil {
		return err
	}
	return extract(ctx, filepath.Join(s.Dir, "cache/archives"), dir)
}

func extract(ctx context.Context, debs, dir string) error {
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range files {
		if _, err := command.Output(ctx, "dpkg", "-x", deb, dir); err != nil {
			return err
		}
	}
	return nil
}

// Depends gives the package that another one, such as linux-image-amd64, stands for.
func (s *Suite) Depends(ctx context.Context, metapackage string) (string, error) {
	out, err := s.apt(ctx, "", "apt-cache", "depends", metapackage)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("package %s of %s depends on nothing", metapackage, s.Name)
}

func (s *Suite) apt(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(s.Dir, "apt.conf"), "LC_ALL=C")
	return command.OutputOf(cmd)
}

// FindMirror gives the place where this machine gets Debian's packages from.
func FindMirror(ctx context.Context) (string, error) {
	out, err := command.Output(ctx, "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	if mirror := parseMirror(out); mirror != "" {
		return mirror, nil
	}
	return "", errors.New("apt knows no source labelled Debian: run apt-get update on a Debian machine")
}

func parseMirror(targets string) string {
	for line := range strings.Lines(targets) {
		if label, uri, _ := strings.Cut(strings.TrimSpace(line), " "); label == "Debian" {
			return uri
		}
	}
	return ""
}
