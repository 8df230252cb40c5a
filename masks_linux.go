// The host's side: which paths are hidden.

package libcontainer

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// expandMasks puts what the host has in place of patterns below /proc and /sys: what is
// there of a device is there for containers too, and under the same name. One of a broken
// pattern is taken as it is. Each path is given once.
func expandMasks(paths []string, glob func(string) ([]string, error)) (out []string) {
	for _, p := range paths {
		clean := path.Clean("/" + p)
		if strings.Contains(clean, "*") && (strings.HasPrefix(clean, "/proc/") || strings.HasPrefix(clean, "/sys/")) {
			if found, err := glob(clean); err == nil {
				out = append(out, found...)
				continue
			}
		}
		out = append(out, p)
	}
	return distinct(out)
}

// patterns knows what is there of the host's processors. That changes only when one of them
// comes or goes, and a look at their directories takes a twentieth of a start. The zero value
// knows nothing.
type patterns struct {
	mu     sync.Mutex
	online string // the processors then
	known  map[string][]string
}

const cpus = "/sys/devices/system/cpu/"

// glob is filepath.Glob.
func (p *patterns) glob(pattern string) ([]string, error) {
	if !strings.HasPrefix(pattern, cpus) {
		return filepath.Glob(pattern)
	}
	text, err := pidfd.ReadFile(cpus + "online")
	if err != nil {
		return filepath.Glob(pattern)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if online := string(text); online != p.online {
		p.online, p.known = online, make(map[string][]string)
	}
	found, ok := p.known[pattern]
	if !ok {
		if found, err = filepath.Glob(pattern); err != nil {
			return nil, err
		}
		if len(p.known) < maxPatterns {
			p.known[pattern] = found
		}
	}
	return slices.Clone(found), nil
}

// maxPatterns bounds what is kept. A configuration has one, mostly the same.
const maxPatterns = 16
