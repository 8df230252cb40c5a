package libcontainer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/criurpc"
)

func TestCriuFeatures(t *testing.T) {
	criu := os.Getenv("LIBCONTAINER_CRIU")
	if _, err := os.Stat(criu); err != nil || os.Geteuid() != 0 {
		t.Skip("it needs root, and a criu at the path LIBCONTAINER_CRIU")
	}
	features, err := (&LinuxFactory{CriuPath: criu}).CriuFeatures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !features.Version.AtLeast(4, 0) || features.Kernel == "" || features.Programs == nil {
		t.Errorf("features are %+v", features)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&LinuxFactory{CriuPath: criu}).CriuFeatures(ended); !errors.Is(err, SystemError) || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: error %v", err)
	}
}

// Where there is no criu the error says which was looked for, and what to do.
func TestCriuFeaturesWithoutCriu(t *testing.T) {
	for _, name := range []string{"criu-of-no-machine", filepath.Join(t.TempDir(), "criu")} {
		_, err := (&LinuxFactory{CriuPath: name}).CriuFeatures(t.Context())
		if !errors.Is(err, SystemError) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, name) || !strings.Contains(text, "install CRIU") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// What answers nothing is an error, too, and no set of features.
func TestCriuFeaturesOfAnotherProgram(t *testing.T) {
	_, err := (&LinuxFactory{CriuPath: "/bin/true"}).CriuFeatures(t.Context())
	if failed := new(criurpc.Error); !errors.As(err, &failed) || !errors.Is(err, criurpc.ErrDied) {
		t.Errorf("error %v", err)
	}
}
