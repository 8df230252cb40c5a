package initproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestFailureTravels(t *testing.T) {
	_, missing := os.Open("/no/such/file")
	for _, tt := range []struct {
		name    string
		err     error
		errno   syscall.Errno
		invalid bool
	}{
		{"text", errors.New("text"), 0, false},
		{"errno", fmt.Errorf("mount: %w", syscall.EPERM), syscall.EPERM, false},
		{"of package os", fmt.Errorf("read: %w", missing), syscall.ENOENT, false},
		{"invalid", fmt.Errorf("exec: %w", invalidError{fmt.Errorf("sh: %w", syscall.ENOEXEC)}), syscall.ENOEXEC, true},
		{"invalid without errno", invalidError{errors.New("unknown user")}, 0, true},
		{"joined", errors.Join(errors.New("a"), syscall.EIO), syscall.EIO, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := json.Marshal(newFailure(tt.err))
			if err != nil {
				t.Fatal(err)
			}
			got := new(Failure)
			if err := json.Unmarshal(data, got); err != nil {
				t.Fatal(err)
			}
			if got.Error() != tt.err.Error() || got.Invalid != tt.invalid {
				t.Errorf("got %+v", got)
			}
			if tt.errno == 0 {
				if errors.Unwrap(got) != nil {
					t.Errorf("it unwraps to %v", errors.Unwrap(got))
				}
			} else if !errors.Is(got, tt.errno) {
				t.Errorf("it is not %v", tt.errno)
			}
		})
	}
	if f := newFailure(missing); !errors.Is(f, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", f)
	}
}
