package launch

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The number that Spawn needs lies over the limit.
func TestSpawnNearTheLimitOfDescriptors(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(null.Fd()) + 2, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	p, err := Spawn(null, []string{"none"}, nil, []*os.File{null, null, null}, nil)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Error(err)
	}
	if p != nil || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("process %v, error %v; want EMFILE", p, err)
	}
}
