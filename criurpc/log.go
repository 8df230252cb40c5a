package criurpc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// Of a log so much is looked at, and quoted at most.
const (
	maxTail  = 64 << 10
	maxLines = 8
	maxLine  = 512
)

// newLog makes a new log in a work directory. criu would follow a link of that name, and what
// was there before would be taken for what criu says now.
func newLog(work *os.File, name string) (*os.File, error) {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, fmt.Errorf("name of the log %q: it must be one of a file in the work directory", name)
	}
	fd := -1
	err := descriptor.Control(work, func(dir int) error {
		if err := unix.Unlinkat(dir, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove old log %s: %w", name, err)
		}
		var err error
		fd, err = unix.Openat(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return fmt.Errorf("make log %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("work directory %s: %w", work.Name(), err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// tail reads the end of a file.
func tail(f *os.File) []byte {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	size := info.Size()
	text := make([]byte, min(size, maxTail))
	n, _ := f.ReadAt(text, size-int64(len(text)))
	return text[:n]
}

// harmless is what criu tells as an error in logs of requests that succeed: that it may not have more
// files open, and that it has not found iptables under one of the names.
var harmless = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`Can't setup RLIMIT_NOFILE|execvp\("ip6?tables\S*", \.\.\.\) failed|ip6?tables\S* -V failed`)
})

// errorLines finds the last lines of a log that tell errors. They begin with the time and the
// pid if the log's level asks for that.
func errorLines(log []byte) []string {
	return lastLines(log, func(line []byte) []byte {
		i := bytes.Index(line, []byte("Error ("))
		if i < 0 || harmless().Match(line) {
			return nil
		}
		return line[i:]
	})
}

// anyLines is errorLines for what is not criu's own.
func anyLines(text []byte) []string {
	return lastLines(text, bytes.TrimSpace)
}

// lastLines collects what pick takes of each line, which is nothing or not empty.
func lastLines(text []byte, pick func([]byte) []byte) (lines []string) {
	for line := range bytes.Lines(text) {
		if part := pick(line); len(part) > 0 {
			lines = append(lines, clean(part))
		}
	}
	return lines[max(0, len(lines)-maxLines):]
}

// clean makes a line one that can be printed: it may hold names of files of anybody's.
func clean(line []byte) string {
	line = bytes.TrimSpace(line)
	cut := len(line) > maxLine
	if cut {
		line = line[:maxLine]
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, string(line))
	if cut {
		text += "…"
	}
	return text
}
