// Package command runs programs for their output.
package command

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
)

// Output runs a command and returns its standard output. An error has what the command wrote to its
// standard error.
func Output(ctx context.Context, name string, args ...string) (string, error) {
	return OutputOf(exec.CommandContext(ctx, name, args...))
}

// OutputOf is Output of a command that is not just a name with arguments.
func OutputOf(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
