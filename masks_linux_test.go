package libcontainer

import (
	"errors"

	"path/filepath"
	"slices"
	"testing"
)

func TestExpandMasks(t *testing.T) {
	glob := func(pattern string) ([]string, error) {
		if pattern == "/sys/broken[*" {
			return nil, filepath.ErrBadPattern
		}
		return []string{pattern + "-1", pattern + "-2"}, nil
	}
	got := expandMasks([]string{"/proc/x", "proc//x/", "/sys/a*", "/etc/*", "/sys/broken[*"}, glob)
	if want := []string{"/proc/x", "/sys/a*-1", "/sys/a*-2", "/etc/*", "/sys/broken[*"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is known of the processors is what is there, and goes with their number.
func TestPatterns(t *testing.T) {
	var p patterns
	const pattern = cpus + "cpu*/topology"
	want, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := p.glob(pattern); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, error %v; want %q", got, err, want)
		}
	}
	if _, err := p.glob(cpus + "[*"); !errors.Is(err, filepath.ErrBadPattern) {
		t.Errorf("a broken pattern: %v", err)
	}
	p.known[pattern] = []string{"kept"}
	if got, _ := p.glob(pattern); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("it is looked up again: %q", got)
	}
	p.online = "other processors"
	if got, err := p.glob(pattern); err != nil || !slices.Equal(got, want) {
		t.Errorf("with other processors: %q, error %v", got, err)
	}
	for i := range 2 * maxPatterns {
		if _, err := p.glob(cpus + string(rune('a'+i)) + "*"); err != nil {
			t.Error(err)
		}
	}
	if len(p.known) > maxPatterns {
		t.Errorf("%d patterns are kept", len(p.known))
	}
}
