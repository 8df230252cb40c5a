package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The comments by which a file of tests says that they depend neither on the layout of
// cgroups nor on who manages them.
const (
	anyWorld = "//world:any" // they run on the machine at hand
	oneWorld = "//world:one" // it is not enough: another kernel, and another criu, may do other things
)

// worldTests gives the pattern of the tests of a directory that do depend on that, and
// of those that one world must run, if this is the one.
func worldTests(dir string, one bool) (string, error) {
	var names []string
	err := eachFile(dir, func(file *ast.File) {
		if !says(file, anyWorld) && (one || !says(file, oneWorld)) {
			names = append(names, testsOf(file)...)
		}
	})
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("no tests that depend on the world in %s", dir)
	}
	slices.Sort(names)
	return "^(" + strings.Join(names, "|") + ")$", nil
}

// says tells whether a file has a comment before its package clause.
func says(file *ast.File, text string) bool {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if comment.Text == text && comment.Pos() < file.Package {
				return true
			}
		}
	}
	return false
}

// restOfTests gives the pattern of those tests that another one matches, and that have not begun,
// "" if there are none.
func restOfTests(dir, pattern string, begun results) (string, error) {
	if strings.Contains(pattern, "/") {
		return "", nil // of subtests nobody knows the names
	}
	matches, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	var names []string
	err = eachFile(dir, func(file *ast.File) {
		for _, name := range testsOf(file) {
			has := func(r result) bool { return r.name == name }
			if matches.MatchString(name) && !slices.ContainsFunc(begun, has) {
				names = append(names, name)
			}
		}
	})
	if err != nil || len(names) == 0 {
		return "", err
	}
	return "^(" + strings.Join(names, "|") + ")$", nil
}

// eachFile calls a function for each file of tests of a directory.
func eachFile(dir string, call func(*ast.File)) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("look for tests: %w", err)
		}
		call(file)
	}
	return nil
}

func testsOf(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
