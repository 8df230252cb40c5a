package apitest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// What is there for programs of 2016 alone says so, and tools that look for "Deprecated:" tell
// those who write new ones.
func TestKeptForOldPrograms(t *testing.T) {
	for _, name := range []string{"user", "label", "apparmor", "selinux"} {
		if doc := packageDoc(t, name); !isDeprecated(doc) {
			t.Errorf("the document of package %s does not say that it is deprecated: %q", name, doc)
		}
	}
	functions := functionDocs(t, "seccomp")
	for _, name := range []string{"ConvertStringToAction", "ConvertStringToArch", "ConvertStringToOperator", "IsEnabled", "InitSeccomp"} {
		if doc, ok := functions[name]; !ok || !isDeprecated(doc) {
			t.Errorf("seccomp.%s: there %v, and not deprecated: %q", name, ok, doc)
		}
	}
}

// isDeprecated tells whether a document has such a paragraph, see https://go.dev/wiki/Deprecated.
func isDeprecated(doc string) bool {
	return strings.Contains("\n"+doc, "\nDeprecated: ")
}

func parseAll(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files in %s, error %v", len(names), dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func packageDoc(t *testing.T, dir string) (doc string) {
	t.Helper()
	for _, file := range parseAll(t, dir) {
		doc += file.Doc.Text()
	}
	return doc
}

func functionDocs(t *testing.T, dir string) map[string]string {
	t.Helper()
	docs := make(map[string]string)
	for _, file := range parseAll(t, dir) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				docs[f.Name.Name] = f.Doc.Text()
			}
		}
	}
	return docs
}
