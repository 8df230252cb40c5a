package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestBundle(t *testing.T) {
	set := func(bundle string) func(*configs.Config) {
		return func(c *configs.Config) { c.Bundle = bundle }
	}
	note := func(name, value string) func(*configs.Config) {
		return func(c *configs.Config) { c.Annotations = map[string]string{name: value} }
	}
	run(t, []testCase{
		{"bundle", set("/run/bundles/a b"), ""},
		{"relative", set("bundles/a"), `Bundle "bundles/a" is not absolute`},
		{"up", set("/run/../etc"), `Bundle "/run/../etc" has a ".." component`},
		{"NUL", set("/run\x00"), "Bundle"},
		{"annotation", note("com.example.key", "any\ntext"), ""},
		{"empty value", note("com.example.key", ""), ""},
		{"empty name", note("", "value"), `Annotations "" is empty`},
	})
}
