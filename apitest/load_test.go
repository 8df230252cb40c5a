package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// packages are compiled packages, the module's and those that they import.
type packages struct {
	listed   map[string]listed
	importer types.Importer
}

// listed is a package as go list describes it.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	Standard   bool
	Error      *struct{ Err string }
}

// load compiles the packages of the listings, for their export data.
func load(t *testing.T) *packages {
	t.Helper()
	args := []string{"list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,Standard,Error"}
	for _, listing := range listings {
		args = append(args, listing.pkg)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	// With -e a package that does not compile is told about here only.
	if stderr.Len() > 0 {
		t.Logf("go list: %s", stderr.Bytes())
	}
	p, err := decode(output)
	if err != nil {
		t.Fatal(err)
	}
	p.importer = importer.ForCompiler(token.NewFileSet(), "gc", p.open)
	if err := p.touch(); err != nil {
		t.Fatal(err)
	}
	return p
}

func decode(output []byte) (*packages, error) {
	p := &packages{listed: make(map[string]listed)}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var l listed
		err := decoder.Decode(&l)
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode the output of go list: %w", err)
		}
		p.listed[l.ImportPath] = l
	}
}

// touch reads the sources of the module's packages. The go command then knows
// that the test depends on them, and runs it again when they change instead of
// repeating an old result.
func (p *packages) touch() error {
	for _, listing := range listings {
		dir := p.listed[listing.pkg].Dir
		if dir == "" {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if filepath.Ext(entry.Name()) != ".go" {
				continue
			}
			if _, err := os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *packages) open(path string) (io.ReadCloser, error) {
	l, ok := p.listed[path]
	if !ok {
		return nil, fmt.Errorf("package %s is not there", path)
	}
	if l.Export == "" {
		if l.Error != nil {
			return nil, fmt.Errorf("package %s: %s", path, l.Error.Err)
		}
		return nil, fmt.Errorf("package %s does not compile", path)
	}
	return os.Open(l.Export)
}

func (p *packages) pkg(path string) (*types.Package, error) {
	return p.importer.Import(path)
}

// parseListing type-checks a file of testdata as the package of the given path.
func parseListing(file, path string, imports *packages) (*types.Package, error) {
	source, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		return nil, err
	}
	return checkSource(path, string(source), imports.importer)
}

func checkSource(path, source string, imports types.Importer) (*types.Package, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, 0)
	if err != nil {
		return nil, err
	}
	config := types.Config{Importer: imports, IgnoreFuncBodies: true}
	return config.Check(path, fset, []*ast.File{file}, nil)
}
