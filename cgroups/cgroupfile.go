package cgroups

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// namedPrefix starts the key of a named hierarchy, one without controllers.
const namedPrefix = "name="

// ParseCgroupFile parses a file in the format of /proc/[pid]/cgroup, see
// cgroups(7), and returns the cgroup of each controller. A named hierarchy has
// the key "name=NAME"; the cgroup v2 hierarchy has the key "".
func ParseCgroupFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	own, err := parseCgroup(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return own, nil
}

// parseCgroup does the work of ParseCgroupFile. A line is
//
//	hierarchy-ID:controller-list:cgroup-path
//
// and only the path may contain further colons.
func parseCgroup(r io.Reader) (map[string]string, error) {
	own := make(map[string]string)
	scanner := newLineScanner(r)
	for line := 1; scanner.Scan(); line++ {
		_, rest, found := strings.Cut(scanner.Text(), ":")
		if !found {
			return nil, fmt.Errorf("line %d: no colon in %q", line, scanner.Text())
		}
		keys, path, found := strings.Cut(rest, ":")
		if !found {
			return nil, fmt.Errorf("line %d: only one colon in %q", line, scanner.Text())
		}
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("line %d: cgroup %q is not an absolute path", line, path)
		}
		for key := range strings.SplitSeq(keys, ",") {
			own[key] = path
		}
	}
	return own, scanner.Err()
}
