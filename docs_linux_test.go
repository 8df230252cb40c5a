package libcontainer

import (
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// block is Go code in a document: a whole program, or statements.
type block struct {
	document string
	line     int // of its first line
	code     string
}

func (b block) isProgram() bool { return strings.HasPrefix(b.code, "package main\n") }

// documents are all that people read, as paths below the repository's root.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return names
}

// blocks gives the fenced Go code of a document.
func blocks(t *testing.T, name string) (list []block) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch {
		case open != nil && line == "```\n":
			list, open = append(list, *open), nil
		case open != nil:
			open.code += line
		case line == "```go\n":
			open = &block{document: name, line: i + 2}
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the code has no end", name, open.line)
	}
	return list
}

// imports are the packages that statements in documents may use without saying so.
var imports = map[string]string{
	"bufio": "bufio", "bytes": "bytes", "context": "context", "errors": "errors", "exec": "os/exec", "fmt": "fmt", "io": "io", "log": "log",
	"net": "net", "netip": "net/netip", "os": "os", "signal": "os/signal", "slog": "log/slog", "strings": "strings", "syscall": "syscall", "time": "time",
	"unix":         "golang.org/x/sys/unix",
	"libcontainer": "github.com/libcontainer/libcontainer",
	"cgroups":      "github.com/libcontainer/libcontainer/cgroups",
	"configs":      "github.com/libcontainer/libcontainer/configs",
	"group":        "github.com/libcontainer/libcontainer/cgroups/group",
	"network":      "github.com/libcontainer/libcontainer/network",
	"criurpc":      "github.com/libcontainer/libcontainer/criurpc",
	"seccomp":      "github.com/libcontainer/libcontainer/seccomp",
	"specconv":     "github.com/libcontainer/libcontainer/specconv",
	"utils":        "github.com/libcontainer/libcontainer/utils",
	"validate":     "github.com/libcontainer/libcontainer/configs/validate",
}

// recipes makes one file of all statements, each in a function that has what they may use. Messages
// of the compiler name the lines of the documents.
func recipes(list []block) string {
	var text, body strings.Builder
	for i, b := range list {
		fmt.Fprintf(&body, "\nfunc recipe%d(ctx context.Context, runtime *libcontainer.Runtime, container *libcontainer.Instance,\n"+
			"\tconfig *configs.Config, process *libcontainer.Process) error {\n\tif ctx != nil {\n//line %s:%d\n%s\t}\n\treturn nil\n}\n",
			i, b.document, b.line, b.code)
	}
	text.WriteString("package recipes\n\nimport (\n")
	for name, path := range imports {
		if regexp.MustCompile(`(?m)(^|[^\w."])` + name + `\.`).MatchString(body.String()) {
			fmt.Fprintf(&text, "\t%s %q\n", name, path)
		}
	}
	return text.String() + ")\n" + body.String()
}

// The Go code in all documents compiles, and is formatted as gofmt does it. Statements are compiled
// all at once.
func TestDocumentedCode(t *testing.T) {
	var statements []block
	for _, name := range documents(t) {
		for _, b := range blocks(t, name) {
			if formatted, err := format.Source([]byte(b.code)); err != nil || string(formatted) != b.code {
				t.Errorf("%s:%d: gofmt would change it: error %v", b.document, b.line, err)
			}
			if b.isProgram() {
				t.Run(fmt.Sprintf("%s:%d", b.document, b.line), func(t *testing.T) { vet(t, b.code) })
			} else {
				statements = append(statements, b)
			}
		}
	}
	t.Run("statements", func(t *testing.T) { vet(t, recipes(statements)) })
	for _, name := range []string{"README.md", "docs/checkpoint.md"} {
		if !slices.ContainsFunc(blocks(t, name), block.isProgram) {
			t.Errorf("%s has no program", name)
		}
	}
	if n := len(blocks(t, "docs/cookbook.md")); n < 20 {
		t.Errorf("docs/cookbook.md has %d recipes with code, want at least 20", n)
	}
}

// vet has the go command compile a file, as a package of this module, and look for mistakes.
func vet(t *testing.T, code string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "vet", source).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// link finds the links of a document.
var link = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]+))?\)`)

// anchors gives the names by which a forge makes the headings of a document targets of links.
func anchors(text string) (list []string) {
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			list = append(list, strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
					return unicode.ToLower(r)
				}
				return -1
			}, strings.TrimSpace(title)))
		}
	}
	return list
}

// Links within the repository lead somewhere.
func TestDocumentedLinks(t *testing.T) {
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			target := name
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(name), match[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if match[2] == "" {
				continue
			}
			if text, err = os.ReadFile(target); err != nil || !slices.Contains(anchors(string(text)), match[2]) {
				t.Errorf("%s: %s has no heading for the link #%s: error %v", name, target, match[2], err)
			}
		}
	}
}

// named finds names of tests in the documents.
var named = regexp.MustCompile(`\bTest[A-Z]\w+`)

// The tests that documents name are there.
func TestDocumentedTests(t *testing.T) {
	var sources strings.Builder
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range named.FindAllString(string(text), -1) {
			if !strings.Contains(sources.String(), "\nfunc "+test+"(") {
				t.Errorf("%s names %s, which is no test", name, test)
			}
		}
	}
}
