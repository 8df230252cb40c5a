//go:build linux

package cglimit

import (
	"strings"
)

// WriteKeyed writes a line that begins with key to a file with a line a key, such
// as "8:0 rbps=1024" to io.max. The former line of the key is what a failure puts
// back; reset is, if there was none.
func (s *Setter) WriteKeyed(field, file, key, value, reset string) error {
	text, err := s.Dir.ReadFile(file)
	if err != nil {
		return s.Explain(field, file, err)
	}
	old := key + " " + reset
	for line := range strings.Lines(text) {
		if name, _, _ := strings.Cut(line, " "); name == key {
			old = line
		}
	}
	if err := s.Dir.WriteFile(file, key+" "+value+"\n"); err != nil {
		return s.Explain(field, file, err)
	}
	s.Record(file, old)
	return nil
}
