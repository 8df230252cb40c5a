package configs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Command is a program that is run by a hook or around a mount.
type Command struct {
	// Path is the program's file. A hook's is not looked for in PATH. That of a
	// mount's command is, if it holds no slash, in the PATH of the calling process.
	Path string `json:"path"`

	// Args is a hook's whole argument vector: Args[0] is the program's name. Empty
	// stands for Path alone. Of a mount's command these are the arguments after the
	// name, which is Path.
	Args []string `json:"args"`

	// Env is the program's environment, as "key=value". Nil inherits that of the
	// calling process; an empty list that is not nil is an empty environment.
	Env []string `json:"env"`

	// Dir is the directory that the program starts in. Empty is that of the
	// calling process.
	Dir string `json:"dir"`

	// Timeout is the time after which the program is killed and Run fails. Nil
	// lets it run as long as it wants to.
	Timeout *time.Duration `json:"timeout"`
}

const (
	// stderrLimit bounds the part of a command's standard error that an error
	// quotes.
	stderrLimit = 4096

	// outputDelay is how long Run waits for the end of a command's output once
	// the command itself has ended: a daemon that it left behind may hold it open
	// for ever.
	outputDelay = time.Second
)

// Run runs the command with s as JSON on its standard input, and waits for it to
// end. Its standard output is discarded. The error of a command that fails names
// its path, how it ended and the end of its standard error; a timeout is
// [context.DeadlineExceeded] to errors.Is.
func (c Command) Run(s HookState) error {
	state, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("run command %s: encode state: %w", c.Path, err)
	}
	return c.RunWithInput(state)
}

// RunWithInput is like Run, with other bytes than a state on standard input.
func (c Command) RunWithInput(stdin []byte) error {
	return c.RunContext(context.Background(), stdin)
}

// RunContext is like RunWithInput, and kills the command when ctx ends.
func (c Command) RunContext(ctx context.Context, stdin []byte) error {
	if c.Timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, *c.Timeout,
			fmt.Errorf("it ran for more than %v: %w", *c.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	var stderr tail
	cmd := exec.CommandContext(ctx, c.Path)
	// CommandContext has looked for a bare name in PATH.
	cmd.Path, cmd.Err = c.Path, nil
	if len(c.Args) > 0 {
		cmd.Args = c.Args
	}
	cmd.Env = c.Env
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Stderr = &stderr
	cmd.WaitDelay = outputDelay

	err := run(cmd)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("killed: %w", cause)
	}
	// A command that succeeded and left something behind has succeeded.
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	if text := stderr.text(); text != "" {
		return fmt.Errorf("run command %s: %w: %s", c.Path, err, text)
	}
	return fmt.Errorf("run command %s: %w", c.Path, err)
}

// tail is a writer that keeps the last stderrLimit bytes written to it.
type tail struct {
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p[max(0, len(p)-stderrLimit):]...)
	if extra := len(t.buf) - stderrLimit; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

func (t *tail) text() string {
	return string(bytes.TrimSpace(t.buf))
}
