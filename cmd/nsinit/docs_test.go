package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// The table of docs/oci.md has all commands and their flags, and no others.
func TestDocumentedCommands(t *testing.T) {
	text, err := os.ReadFile("../../docs/oci.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		name := regexp.MustCompile("^\\| `([a-z]+)`$").FindStringSubmatch(cells[0])
		if len(cells) != 3 || name == nil {
			continue
		}
		documented[name[1]] = flagsIn(cells[1])
		for _, of := range regexp.MustCompile("those of `([a-z]+)`").FindAllStringSubmatch(cells[1], -1) {
			documented[name[1]] = append(documented[name[1]], documented[of[1]]...)
		}
	}
	root := newCommand(&app{log: newLogger(io.Discard)}, io.Discard, io.Discard)
	for _, cmd := range root.Commands {
		has, ok := documented[cmd.Name]
		if !ok {
			t.Errorf("%s is not documented", cmd.Name)
			continue
		}
		want := flagNames(cmd.Flags)
		slices.Sort(has)
		slices.Sort(want)
		if !slices.Equal(has, want) {
			t.Errorf("%s has the flags %q, and documented are %q", cmd.Name, want, has)
		}
		delete(documented, cmd.Name)
	}
	for name := range documented {
		t.Errorf("%s is documented, and no command", name)
	}
	_, global, _ := strings.Cut(string(text), "\nBefore the command: ")
	global, _, _ = strings.Cut(global, ". ")
	if has, want := flagsIn(global), flagNames(root.Flags); !slices.Equal(has, want) {
		t.Errorf("there are the global flags %q, and documented are %q", want, has)
	}
}

func flagsIn(text string) (names []string) {
	for _, m := range regexp.MustCompile("`-+([a-z0-9-]+)`").FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

func flagNames(flags []cli.Flag) (names []string) {
	for _, flag := range flags {
		names = append(names, flag.Names()...)
	}
	return names
}
