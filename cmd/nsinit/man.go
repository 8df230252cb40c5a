package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"
)

// manCommand writes the manual page, for make install.
func manCommand() *cli.Command {
	return &cli.Command{
		Name:   "man",
		Usage:  "write the manual page of nsinit",
		Hidden: true,
		Action: func(_ context.Context, cmd *cli.Command) error { return writeManual(cmd.Root().Writer, cmd.Root()) },
	}
}

// writeManual writes the command line as a page in the format man(7).
func writeManual(w io.Writer, root *cli.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH NSINIT 8\n.SH NAME\nnsinit \\- %s\n", roff(root.Usage))
	b.WriteString(".SH SYNOPSIS\n.B nsinit\n[OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n.SH OPTIONS\n", roff(root.Description))
	manualFlags(&b, root)
	b.WriteString(".SH COMMANDS\n")
	for _, cmd := range root.VisibleCommands() {
		fmt.Fprintf(&b, ".SS %s\n", roff(strings.TrimSpace("nsinit "+cmd.Name+" [OPTION...] "+cmd.ArgsUsage)))
		fmt.Fprintf(&b, "%s\n", roff(sentence(cmd.Usage)+"\n"+cmd.Description))
		manualFlags(&b, cmd)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// placeholder is the name of a flag's value in its usage.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("`[^`]+`") })

func manualFlags(b *strings.Builder, cmd *cli.Command) {
	for _, flag := range cmd.VisibleFlags() {
		var names []string
		for _, name := range flag.Names() {
			names = append(names, "-"+strings.Repeat("-", min(1, len(name)-1))+name)
		}
		usage := ""
		if d, ok := flag.(cli.DocGenerationFlag); ok {
			usage = d.GetUsage()
		}
		value := strings.Trim(placeholder().FindString(usage), "`")
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(strings.Join(names, ", ")+" "+value)), roff(strings.ReplaceAll(usage, "`", "")))
	}
}

// roff escapes what means something in a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimSpace(text))
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
