package resctrl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Counters are what the kernel has counted in one domain, such as a cache that several
// CPUs share. What the machine does not count is nil.
type Counters struct {
	Domain     string
	Occupancy  *uint64 // llc_occupancy
	TotalBytes *uint64 // mbm_total_bytes
	LocalBytes *uint64 // mbm_local_bytes
}

// Schemata returns the lines of the class of service.
func (g *Groups) Schemata() (lines []string, err error) {
	data, err := os.ReadFile(filepath.Join(g.Control, "schemata"))
	if err != nil {
		return nil, fmt.Errorf("read schemata: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// Counters returns those of the monitoring group, by domain; none without such a group.
func (g *Groups) Counters() (list []Counters, err error) {
	if g.Monitor == "" {
		return nil, nil
	}
	dir := filepath.Join(g.Monitor, "mon_data")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read resctrl counters: %w", err)
	}
	for _, e := range entries {
		domain, ok := strings.CutPrefix(e.Name(), "mon_")
		if !ok {
			continue
		}
		c := Counters{Domain: domain}
		for file, counter := range map[string]**uint64{
			"llc_occupancy": &c.Occupancy, "mbm_total_bytes": &c.TotalBytes, "mbm_local_bytes": &c.LocalBytes,
		} {
			if *counter, err = readCounter(filepath.Join(dir, e.Name(), file)); err != nil {
				return nil, err
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// readCounter returns nil for what the machine does not count, or not at this moment
// ("Unavailable", "Unassigned").
func readCounter(name string) (*uint64, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read resctrl counters: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "Un") || text == "Error" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read resctrl counters: %s: %w", name, err)
	}
	return &n, nil
}
