package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// A suite is one release of Debian, with lists of packages of its own: the
// machine's are not touched.
type suite struct {
	name   string // such as trixie
	config string // apt's configuration file for it
}

// newSuite reads a release's lists of packages into a new directory.
func newSuite(ctx context.Context, dir, mirror, name string) (*suite, error) {
	s := &suite{
		name:   name,
		config: filepath.Join(dir, "apt.conf"),
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	for name, content := range map[string]string{
		"sources.list": sourceLine(mirror, name) + "\n",
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

// sourceLine gives a release's line of a sources.list.
func sourceLine(mirror, suite string) string {
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

// unpack downloads packages and unpacks them into dir, without installing them.
func (s *suite) unpack(ctx context.Context, dir string, packages ...string) error {
	debs, err := os.MkdirTemp(filepath.Dir(s.config), "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	if _, err := s.apt(ctx, debs, "apt-get", append([]string{"download", "-q"}, packages...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range files {
		if _, err := output(ctx, "dpkg", "-x", deb, dir); err != nil {
			return err
		}
	}
	return nil
}

// depends gives the package that another one, such as linux-image-amd64, stands for.
func (s *suite) depends(ctx context.Context, metapackage string) (string, error) {
	out, err := s.apt(ctx, "", "apt-cache", "depends", metapackage)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("package %s of %s depends on nothing", metapackage, s.name)
}

func (s *suite) apt(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+s.config, "LC_ALL=C")
	return outputOf(cmd)
}

// findMirror gives the place where this machine gets Debian's packages from.
func findMirror(ctx context.Context) (string, error) {
	out, err := output(ctx, "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
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

// output runs a command and returns its standard output.
func output(ctx context.Context, name string, args ...string) (string, error) {
	return outputOf(exec.CommandContext(ctx, name, args...))
}

func outputOf(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
