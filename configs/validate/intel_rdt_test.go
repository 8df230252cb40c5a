package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestIntelRdt(t *testing.T) {
	set := func(id string, schemata ...string) func(*configs.Config) {
		return func(c *configs.Config) { c.IntelRdt = &configs.IntelRdt{ClosID: id, Schemata: schemata} }
	}
	run(t, []testCase{
		{"empty", set(""), ""},
		{"default class", set("/"), ""},
		{"all", set("gold", "L3:0=f;1=f0", "MB:0=50", "  L3CODE:0=3"), ""},
		{"a path", set("a/b"), `IntelRdt.ClosID "a/b" is not the name of a directory`},
		{"above", set(".."), `IntelRdt.ClosID ".."`},
		{"two lines", set("a\nb"), `IntelRdt.ClosID "a\nb"`},
		{"info", set("info"), `IntelRdt.ClosID "info" is a name of resctrl's own`},
		{"no resource", set("", "L3:0=f", "0=f"), `IntelRdt.Schemata[1] "0=f"`},
		{"no values", set("", "L3:"), `IntelRdt.Schemata[0] "L3:"`},
		{"no value", set("", "L3:0="), `has "0=" in it`},
		{"no domain", set("", "L3:0=f;=f"), `has "=f" in it`},
		{"several lines", set("", "L3:0=f\nMB:0=1"), `IntelRdt.Schemata[0]`},
	})
}
