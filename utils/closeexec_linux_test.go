package utils

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCloseExecFrom(t *testing.T) {
	tests := []struct {
		name      string
		closeExec func(int) error
	}{
		{"close_range", CloseExecFrom},
		{"proc", closeExecByProc},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			low := inheritable(t, 500)
			high := inheritable(t, 600)
			if err := tt.closeExec(high); err != nil {
				t.Fatal(err)
			}
			if closesAtExec(t, low) {
				t.Errorf("descriptor %d below %d is marked", low, high)
			}
			if !closesAtExec(t, high) {
				t.Errorf("descriptor %d is not marked", high)
			}
			if err := tt.closeExec(low); err != nil {
				t.Fatal(err)
			}
			if !closesAtExec(t, low) {
				t.Errorf("descriptor %d is not marked", low)
			}
		})
	}
}

func TestCloseExecFromNegative(t *testing.T) {
	if err := CloseExecFrom(-1); err == nil {
		t.Error("a negative descriptor is accepted")
	}
}

// inheritable opens a descriptor from lowest on that is not marked.
func inheritable(t *testing.T, lowest int) int {
	t.Helper()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd, err := unix.FcntlInt(null.Fd(), unix.F_DUPFD, lowest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func closesAtExec(t *testing.T, fd int) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.FD_CLOEXEC != 0
}
