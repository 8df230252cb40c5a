package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// floorRunner asks a program of floor.c or floor-exec.c, which runs all the time, to do its thing
// again and again: the time is what the program measured itself.
type floorRunner struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *strings.Builder
}

func newFloorRunner(program string, args ...string) (*floorRunner, error) {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = ownProcessGroup()
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &floorRunner{cmd, stdin, bufio.NewReader(stdout), stderr}, nil
}

func (r *floorRunner) once(context.Context) (time.Duration, error) {
	if _, err := io.WriteString(r.stdin, "\n"); err != nil {
		return 0, r.died(err)
	}
	line, err := r.stdout.ReadString('\n')
	if err != nil {
		return 0, r.died(err)
	}
	microseconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return 0, fmt.Errorf("read floor's answer: %w", err)
	}
	return time.Duration(microseconds * float64(time.Microsecond)), nil
}

// died reaps the program, after which what it said about its end is there.
func (r *floorRunner) died(cause error) error {
	err := r.close()
	return errors.Join(fmt.Errorf("floor ended: %w", cause), err, said(r.stderr.String()))
}

func (r *floorRunner) close() error {
	if r.cmd.ProcessState != nil {
		return nil
	}
	r.stdin.Close()
	return r.cmd.Wait()
}

// ownProcessGroup keeps a terminal's interrupt from reaching a program while it is measured.
func ownProcessGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// said makes an error of what a program said; nil when it said nothing.
func said(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	return errors.New(text)
}
