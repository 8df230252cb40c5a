package initproc

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSplitOptions(t *testing.T) {
	for _, tt := range []struct {
		data string
		want []string
	}{
		{"", nil},
		{",,,", nil},
		{"mode=755", []string{"mode=755"}},
		{"a,b=c,d=", []string{"a", "b=c", "d="}},
		{",a,,b,", []string{"a", "b"}},
		{"a=b=c", []string{"a=b=c"}},
		{`context="u:r:t:s0:c1,c2",mode=1`, []string{"context=u:r:t:s0:c1,c2", "mode=1"}},
		{`a="open,b`, []string{"a=open,b"}},
		{`""`, nil},
		{"ä=ö,日本", []string{"ä=ö", "日本"}},
	} {
		if got := splitOptions(tt.data); !slices.Equal(got, tt.want) {
			t.Errorf("%q is split to %q, want %q", tt.data, got, tt.want)
		}
	}
}

func TestTooLong(t *testing.T) {
	fits, over := strings.Repeat("x", maxValue), strings.Repeat("x", maxValue+1)
	for _, tt := range []struct {
		source, data string
		want         bool
	}{
		{"", "", false},
		{fits, "a=" + fits + ",b=" + fits, false},
		{over, "", true},
		{"", "a=1,b=" + over, true},
		{"", strings.Repeat("a=1,", 1000), false},
	} {
		if got := tooLong(tt.source, tt.data); got != tt.want {
			t.Errorf("source of %d and data of %d bytes: %v, want %v", len(tt.source), len(tt.data), got, tt.want)
		}
	}
}

func TestMountAttrs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags int
		attrs uint64
		atime bool
	}{
		{"none", 0, 0, false},
		{"all", unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NODIRATIME | unix.MS_NOSYMFOLLOW,
			unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
				unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW, false},
		{"noatime", unix.MS_NOATIME, unix.MOUNT_ATTR_NOATIME, true},
		{"strictatime", unix.MS_STRICTATIME | unix.MS_NOEXEC, unix.MOUNT_ATTR_STRICTATIME | unix.MOUNT_ATTR_NOEXEC, true},
		{"relatime", unix.MS_RELATIME, unix.MOUNT_ATTR_RELATIME, true},
		{"noatime is stronger", unix.MS_NOATIME | unix.MS_STRICTATIME, unix.MOUNT_ATTR_NOATIME, true},
		{"not of a mount", unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT | unix.MS_SYNCHRONOUS | unix.MS_PRIVATE, 0, false},
	} {
		attrs, atime := mountAttrs(tt.flags)
		if attrs != tt.attrs || atime != tt.atime {
			t.Errorf("%s: %#x, %v; want %#x, %v", tt.name, attrs, atime, tt.attrs, tt.atime)
		}
	}
}

func TestMissing(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, unix.ENOENT: true, unix.ENOTDIR: true, unix.ELOOP: false, unix.EACCES: false,
		errors.Join(unix.ENOENT): true,
	} {
		if got := missing(err); got != want {
			t.Errorf("missing(%v) is %v", err, got)
		}
	}
}
