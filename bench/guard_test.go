package main

import (
	"slices"
	"strings"
	"testing"
)

func TestNormalized(t *testing.T) {
	host := map[string]string{"net": "net:[1]", "user": "user:[2]"}
	got := normalized([]string{
		"user 0",
		"namespace net net:[5]",
		"namespace user user:[2]",
		"cgroup 4:memory:/lctest-floor-17",
		"limit /sys/fs/cgroup/memory/lctest-floor-17/memory.limit_in_bytes 67108864",
		"mount 68 65 0:40 / /proc rw,nosuid master:3 - proc proc rw",
		"mount 44 68 0:6 /null /proc/keys rw - devtmpfs devtmpfs rw,mode=755",
	}, host)
	want := []string{
		"cgroup 4:memory:/NAME",
		"limit /sys/fs/cgroup/memory/NAME/memory.limit_in_bytes 67108864",
		"mount / /proc rw,nosuid proc",
		"mount that hides /proc/keys",
		"namespace net its own",
		"namespace user the host's",
		"user 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCompare(t *testing.T) {
	got := compare([]string{"a", "b", "b", "c"}, []string{"a", "b", "d"})
	if want := []string{"only the floor: b", "only the floor: c", "only the library: d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := compare([]string{"a", "b"}, []string{"a", "b"}); len(got) > 0 {
		t.Errorf("equal ones differ: %q", got)
	}
}

func TestReadDescription(t *testing.T) {
	lines, err := readDescription(strings.NewReader("user 0\npid 1\nend\nmore\n"))
	if err != nil || !slices.Equal(lines, []string{"user 0", "pid 1"}) {
		t.Errorf("lines %q, error %v", lines, err)
	}
	if lines, err := readDescription(strings.NewReader("user 0\n")); err == nil {
		t.Errorf("half a description gave %q", lines)
	}
}

func TestReadLimitsNeedsACgroup(t *testing.T) {
	if limits, err := readLimits([]string{"cgroup 4:memory:/", "user 0"}); err == nil {
		t.Errorf("a container without cgroups gave %q", limits)
	}
}
