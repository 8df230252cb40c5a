package validate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// intelRdt checks names and lines. What a processor can do the kernel tells.
func intelRdt(c *configs.Config) error {
	rdt := c.IntelRdt
	if rdt == nil {
		return nil
	}
	switch id := rdt.ClosID; {
	case id == "" || id == "/":
	case id == "." || id == ".." || strings.ContainsAny(id, "/\n\x00"):
		return invalid("IntelRdt.ClosID", id, errors.New("is not the name of a directory"))
	case id == "info" || id == "mon_groups" || id == "mon_data":
		return invalid("IntelRdt.ClosID", id, errors.New("is a name of resctrl's own"))
	}
	for i, line := range rdt.Schemata {
		field := fmt.Sprintf("IntelRdt.Schemata[%d]", i)
		resource, values, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(resource) == "" || values == "" || strings.ContainsAny(line, "\n\x00") {
			return invalid(field, line, errors.New(`is not a line such as "L3:0=f;1=f0"`))
		}
		for part := range strings.SplitSeq(values, ";") {
			if domain, value, ok := strings.Cut(part, "="); !ok || strings.TrimSpace(domain) == "" || strings.TrimSpace(value) == "" {
				return invalid(field, line, fmt.Errorf("has %q in it, which is not such as 0=f", part))
			}
		}
	}
	return nil
}
