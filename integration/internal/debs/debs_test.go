package debs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseMirror(t *testing.T) {
	for targets, want := range map[string]string{
		"Other http://a/\nDebian-Security http://b/\nDebian http://c/debian/\nDebian http://d/\n": "http://c/debian/",
		"Other http://a/\n": "",
		"":                  "",
	} {
		if got := parseMirror(targets); got != want {
			t.Errorf("mirror of %q is %q, want %q", targets, got, want)
		}
	}
}

// A suite's directories all lie in its own, so that apt touches none of the machine's.
func TestConfig(t *testing.T) {
	config := suiteConfig("/own")
	for line := range strings.Lines(config) {
		if strings.HasPrefix(line, "Dir::") && !strings.Contains(line, ` "/own`) {
			t.Errorf("apt would use %s", line)
		}
	}
	for _, item := range []string{"State", "State::lists", "State::status", "Cache", "Etc::sourcelist", "Etc::sourceparts", "Etc::preferences", "Etc::preferencesparts"} {
		if !strings.Contains(config, "Dir::"+item+" ") {
			t.Errorf("apt would use the machine's %s", item)
		}
	}
}

func TestSource(t *testing.T) {
	embedded, err := Source.ReadFile("debs.go")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(".", "debs.go"))
	if err != nil || string(file) != string(embedded) {
		t.Errorf("Source is not this package's: %v", err)
	}
}
