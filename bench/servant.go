package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// servant is a program that runs all the time and does, for each line that it gets, what the line asks
// for: floor.c, floor-exec.c, or one of the host programs. What that took is what it measured itself.
type servant struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *strings.Builder
}

func newServant(program string, args ...string) (*servant, error) {
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
	return &servant{cmd, stdin, bufio.NewReader(stdout), stderr}, nil
}

// once asks for a life.
func (s *servant) once(context.Context) (lives.Sample, error) { return s.sample("") }

// sample asks for something that is answered with microseconds of time and of CPU time.
func (s *servant) sample(request string) (lives.Sample, error) {
	numbers, err := s.ask(request, 2)
	if err != nil {
		return lives.Sample{}, err
	}
	duration := func(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
	return lives.Sample{Wall: duration(numbers[0]), CPU: duration(numbers[1])}, nil
}

// ask gives the numbers that the answer has.
func (s *servant) ask(request string, count int) ([]float64, error) {
	if _, err := io.WriteString(s.stdin, request+"\n"); err != nil {
		return nil, s.died(err)
	}
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return nil, s.died(err)
	}
	numbers, err := parseAnswer(line, count)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	return numbers, nil
}

func parseAnswer(line string, count int) ([]float64, error) {
	fields := strings.Fields(line)
	if len(fields) != count {
		return nil, fmt.Errorf("the answer %q does not have %d numbers", line, count)
	}
	numbers := make([]float64, count)
	for i, field := range fields {
		number, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, fmt.Errorf("the answer %q: %w", line, err)
		}
		numbers[i] = number
	}
	return numbers, nil
}

func (s *servant) name() string { return filepath.Base(s.cmd.Path) }

// died reaps the program, after which what it said about its end is there.
func (s *servant) died(cause error) error {
	err := s.close()
	return errors.Join(fmt.Errorf("%s ended: %w", s.name(), cause), err, said(s.stderr.String()))
}

func (s *servant) close() error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	s.stdin.Close()
	return s.cmd.Wait()
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
