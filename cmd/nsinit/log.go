package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// logger writes the lines that engines read: in text or JSON, with level, message and time.
type logger struct {
	stderr io.Writer
	out    io.Writer // stderr, or the file of --log
	format func(level, message string, now time.Time) []byte
	debug  bool
}

func newLogger(stderr io.Writer) *logger {
	return &logger{stderr: stderr, out: stderr, format: textLine}
}

// open goes over to a file, if one is given. The file stays open until the command ends.
func (l *logger) open(file, format string, debug bool) error {
	l.debug = debug
	switch format {
	case "text":
	case "json":
		l.format = jsonLine
	default:
		return fmt.Errorf("--log-format %q is neither text nor json", format)
	}
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	l.out = f
	return nil
}

func (l *logger) line(level, message string) {
	_, _ = l.out.Write(l.format(level, message, time.Now()))
}

// fatal says why the command ends: in the log, and to whoever looks at standard error.
func (l *logger) fatal(err error) {
	l.line("error", err.Error())
	if l.out != l.stderr {
		fmt.Fprintln(l.stderr, err)
	}
}

func (l *logger) warn(err error) { l.line("warning", err.Error()) }

func (l *logger) debugf(format string, args ...any) {
	if l.debug {
		l.line("debug", fmt.Sprintf(format, args...))
	}
}

func textLine(level, message string, now time.Time) []byte {
	return fmt.Appendf(nil, "time=%q level=%s msg=%s\n", now.Format(time.RFC3339), level, strconv.Quote(message))
}

func jsonLine(level, message string, now time.Time) []byte {
	line, _ := json.Marshal(struct { // strings alone: it cannot fail
		Level   string `json:"level"`
		Message string `json:"msg"`
		Time    string `json:"time"`
	}{level, message, now.Format(time.RFC3339)})
	return append(line, '\n')
}
