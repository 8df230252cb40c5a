package cgroups

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// The file system types of cgroup mounts.
const (
	fsTypeV1 = "cgroup"
	fsTypeV2 = "cgroup2"
)

// mountEntry is what a line of mountinfo tells about a cgroup mount.
type mountEntry struct {
	root       string
	mountpoint string
	fsType     string
	superOpts  []string
}

// parseMountinfo reads the format of /proc/[pid]/mountinfo, see proc(5), and
// returns the cgroup mounts in it. A mount that is hidden by a later one on
// the same mountpoint, of whatever type, is left out.
func parseMountinfo(r io.Reader) ([]mountEntry, error) {
	var entries []mountEntry
	scanner := newLineScanner(r)
	for line := 1; scanner.Scan(); line++ {
		entry, err := parseMountinfoLine(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("mountinfo line %d: %w", line, err)
		}
		entries = dropMountpoint(entries, entry.mountpoint)
		if entry.fsType == fsTypeV1 || entry.fsType == fsTypeV2 {
			entries = append(entries, entry)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	return entries, nil
}

// newLineScanner returns a scanner which takes lines up to 1 MiB: overlay
// mounts of many layers have long lines.
func newLineScanner(r io.Reader) *bufio.Scanner {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 16<<10), 1<<20)
	scanner.Split(splitLines)
	return scanner
}

// splitLines is bufio.ScanLines, which takes a carriage return at the end of a
// line for a part of the line's end: here it is one of a file's name.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// dropMountpoint returns entries without those on mountpoint.
func dropMountpoint(entries []mountEntry, mountpoint string) []mountEntry {
	kept := entries[:0]
	for _, e := range entries {
		if e.mountpoint != mountpoint {
			kept = append(kept, e)
		}
	}
	return kept
}

// parseMountinfoLine parses a line such as
//
//	36 35 0:30 / /sys/fs/cgroup/cpu rw,noatime shared:1 - cgroup cgroup rw,cpu
//
// Its fields are separated by single spaces, and may be empty.
func parseMountinfoLine(line string) (mountEntry, error) {
	before, after, found := strings.Cut(line, " - ")
	if !found {
		return mountEntry{}, fmt.Errorf("no separator in %q", line)
	}
	head := strings.Split(before, " ")
	tail := strings.Split(after, " ")
	if len(head) < 6 || len(tail) < 3 {
		return mountEntry{}, fmt.Errorf("too few fields in %q", line)
	}
	return mountEntry{
		root:       unescapeOctal(head[3]),
		mountpoint: unescapeOctal(head[4]),
		fsType:     tail[0],
		superOpts:  strings.Split(tail[2], ","),
	}, nil
}

// unescapeOctal undoes the kernel's \ooo escapes of space, tab, newline,
// backslash and the like.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := octalEscape(s[i:]); ok {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// octalEscape decodes the \ooo at the start of s, if there is one.
func octalEscape(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' {
		return 0, false
	}
	value := 0
	for _, digit := range []byte(s[1:4]) {
		if digit < '0' || digit > '7' {
			return 0, false
		}
		value = value*8 + int(digit-'0')
	}
	if value > 0xff {
		return 0, false
	}
	return byte(value), true
}
