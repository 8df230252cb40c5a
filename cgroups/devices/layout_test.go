//go:build linux

package devices

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A program that the kernel's compiler does not take is laid out otherwise, and only for
// that error.
func TestLoadAny(t *testing.T) {
	rules := manyRules(3, 4, 2)
	for _, test := range []struct {
		name     string
		refusals int
		err      error
		tries    int
		wantErr  error
	}{
		{"at once", 0, nil, 1, nil},
		{"the third", 2, errNotConverged, 3, nil},
		{"none", layouts, errNotConverged, layouts, errNotConverged},
		{"not permitted", layouts, unix.EPERM, 1, unix.EPERM},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tried [][]instruction
			p, err := loadAny(func(layout int) ([]instruction, error) { return compileAs(layout, rules) }, func(code []instruction) (program, error) {
				if slices.ContainsFunc(tried, func(earlier []instruction) bool { return slices.Equal(code, earlier) }) && len(tried) < 5 {
					t.Error("the same program again")
				}
				tried = append(tried, code)
				if len(tried) <= test.refusals {
					return -1, test.err
				}
				return 7, nil
			})
			if len(tried) != test.tries || !errors.Is(err, test.wantErr) || (err == nil) != (p == 7) {
				t.Errorf("%d tries, program %d, error %v", len(tried), p, err)
			}
			if test.name == "none" && !strings.Contains(err.Error(), "does not converge") {
				t.Errorf("error %v", err)
			}
		})
	}
}
