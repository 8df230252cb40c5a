package libcontainer

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The programs in the documentation are whole ones, and compile.
func TestDocumentedPrograms(t *testing.T) {
	for _, name := range []string{"README.md", "docs/checkpoint.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), "```go\npackage main\n")
		program, _, closed := strings.Cut(rest, "\n```\n")
		if !ok || !closed {
			t.Errorf("%s has no program", name)
			continue
		}
		program = "package main\n" + program + "\n"
		if formatted, err := format.Source([]byte(program)); err != nil || string(formatted) != program {
			t.Errorf("gofmt would change the program of %s: error %v", name, err)
		}
		source := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "vet", source).CombinedOutput(); err != nil {
			t.Errorf("the program of %s: %v: %s", name, err, out)
		}
	}
}
