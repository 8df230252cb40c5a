package libcontainer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// embedder is the program that README.md shows, whole.
func embedder(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begun := strings.Cut(string(text), "```go\n")
	program, _, ended := strings.Cut(rest, "```\n")
	if !begun || !ended || !strings.HasPrefix(program, "package main\n") {
		t.Fatal("README.md has no program")
	}
	return program
}

// TestOutsideModule builds a module that embeds the library, with the oldest Go that go.mod
// allows, and looks at what the library brings into the graph of its modules.
func TestOutsideModule(t *testing.T) {
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^go (1\.\d+\.\d+)$`).FindStringSubmatch(string(text))
	if match == nil {
		t.Fatal("go.mod does not name a release of Go")
	}
	oldest := match[1]
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("main.go", embedder(t))
	write("init.go", "package main\n\nimport _ \"github.com/libcontainer/libcontainer/nsenter\"\n")
	write("go.mod", fmt.Sprintf("module example.com/embedder\n\ngo %s\n\nrequire github.com/libcontainer/libcontainer v0.0.0\n\n"+
		"replace github.com/libcontainer/libcontainer => %s\n", oldest, source))
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sums))
	run := func(arg ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", arg...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+oldest, "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("version"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Go %s, the oldest that go.mod allows, to build with: %v: %s", oldest, err, out)
		}
		t.Skipf("no Go %s, the oldest that go.mod allows, to build with: %v: %s", oldest, err, out)
	} else if !strings.Contains(out, "go"+oldest+" ") {
		t.Fatalf("this is %s, want Go %s", out, oldest)
	}
	if out, err := run("build", "-o", "embedder", "."); err != nil {
		t.Fatalf("build with Go %s: %v\n%s", oldest, err, out)
	}
	graph, err := run("mod", "graph")
	if err != nil {
		t.Fatalf("go mod graph: %v\n%s", err, graph)
	}
	for _, tool := range []string{"honnef.co/go/tools", "golang.org/x/tools"} {
		if strings.Contains(graph, " "+tool+"@") {
			t.Errorf("who embeds the library gets %s into the graph of its modules", tool)
		}
	}
}

// TestOldEnough makes sure that go.mod asks for no newer Go than the last but one: that is what the
// oldest machines with a Go that is still cared for have.
func TestOldEnough(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoVersion}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	here, err := exec.CommandContext(t.Context(), "go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	var asks, has int
	if _, err := fmt.Sscanf(string(out), "1.%d", &asks); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if _, err := fmt.Sscanf(string(here), "go1.%d", &has); err != nil {
		t.Fatalf("%q: %v", here, err)
	}
	if asks >= has {
		t.Errorf("go.mod asks for Go 1.%d, and the one before Go 1.%d must do", asks, has)
	}
}
