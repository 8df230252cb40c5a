package libcontainer

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestSplitOptions(t *testing.T) {
	for _, tt := range []struct {
		fstype, data string
		want         []string
	}{
		{"tmpfs", "", nil},
		{"tmpfs", ",,,", nil},
		{"tmpfs", "mode=755", []string{"mode=755"}},
		{"ext4", "a,b=c,d=", []string{"a", "b=c", "d="}},
		{"ext4", ",a,,b,", []string{"a", "b"}},
		{"ext4", "a=b=c", []string{"a=b=c"}},
		{"tmpfs", `context="u:r:t:s0:c1,c2",mode=1`, []string{"context=u:r:t:s0:c1,c2", "mode=1"}},
		{"ext4", `a="open,b`, []string{"a=open,b"}},
		{"ext4", `""`, nil},
		{"ext4", "ä=ö,日本", []string{"ä=ö", "日本"}},
		{"tmpfs", "mpol=bind:0,2-3,5,size=1m", []string{"mpol=bind:0,2-3,5", "size=1m"}},
		{"tmpfs", "size=1m,mpol=interleave:1,3", []string{"size=1m", "mpol=interleave:1,3"}},
		{"ext4", "a,2", []string{"a", "2"}},
		{"tmpfs", `a\,b`, []string{`a\`, "b"}},
		{"overlay", `lowerdir=/a\,b:/c,upperdir=/d`, []string{`lowerdir=/a\,b:/c`, "upperdir=/d"}},
		{"overlay", `lowerdir=/a\\,upperdir=/d`, []string{`lowerdir=/a\\`, "upperdir=/d"}},
		{"overlay", `lowerdir=/a\\\,b`, []string{`lowerdir=/a\\\,b`}},
		{"overlay", `lowerdir=/a,2`, []string{"lowerdir=/a", "2"}},
		{"overlay", `upperdir=/a\`, []string{`upperdir=/a\`}},
	} {
		if got := splitOptions(tt.fstype, tt.data); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q is split to %q, want %q", tt.fstype, tt.data, got, tt.want)
		}
	}
}

func TestTooLong(t *testing.T) {
	fits, over := strings.Repeat("x", maxValue), strings.Repeat("x", maxValue+1)
	for _, tt := range []struct {
		source  string
		options []string
		want    bool
	}{
		{"", nil, false},
		{fits, []string{"a=" + fits, "b=" + fits}, false},
		{over, nil, true},
		{"", []string{"a=1", "b=" + over}, true},
		{"", slices.Repeat([]string{"a=1"}, 1000), false},
	} {
		if got := tooLong(tt.source, tt.options); got != tt.want {
			t.Errorf("source of %d bytes and %d options: %v, want %v", len(tt.source), len(tt.options), got, tt.want)
		}
	}
}

func TestHasOption(t *testing.T) {
	for option, want := range map[string]bool{"mode": true, "mode=": true, "mode=7": true, "modes=7": false, "amode=7": false, "": false} {
		if got := hasOption([]string{"size=1m", option}, "mode"); got != want {
			t.Errorf("%q: %v", option, got)
		}
	}
}

func TestSplitEscaped(t *testing.T) {
	for _, tt := range []struct {
		s, sep string
		want   []string
	}{
		{"", ":", []string{""}},
		{"/a", ":", []string{"/a"}},
		{"/a:/b:/c", ":", []string{"/a", "/b", "/c"}},
		{`/a\:b:/c`, ":", []string{`/a\:b`, "/c"}},
		{`/a\\:/c`, ":", []string{`/a\\`, "/c"}},
		{`/a\`, ":", []string{`/a\`}},
		{":", ":", []string{"", ""}},
		{"/a::/b:/c", "::", []string{"/a", "/b:/c"}},
		{`/a\::/b`, "::", []string{`/a\::/b`}},
		{"/a::/b::/c", "::", []string{"/a", "/b", "/c"}},
	} {
		if got := splitEscaped(tt.s, tt.sep); !slices.Equal(got, tt.want) {
			t.Errorf("%q at %q: %q, want %q", tt.s, tt.sep, got, tt.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for s, want := range map[string]string{"": "", "/a": "/a", `/a\:b\,c`: "/a:b,c", `\\`: `\`, `\\\:`: `\:`, `a\`: `a\`} {
		if got := unescape(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestOverlayLayers(t *testing.T) {
	long := "/" + strings.Repeat("l", maxValue-1)
	for name, tt := range map[string]struct {
		device, source string
		data           string
		want           []string
		ok             bool
	}{
		"no overlay": {device: "tmpfs", data: "lowerdir=/a"},
		"one":        {data: "lowerdir=/a", want: []string{"lowerdir+=/a"}, ok: true},
		"some with others": {
			data: `lowerdir=/a:/b\:c,upperdir=/u\,p,workdir=/w,volatile,xino=on`,
			want: []string{"lowerdir+=/a", "lowerdir+=/b:c", "upperdir=/u,p", "workdir=/w", "volatile", "xino=on"},
			ok:   true,
		},
		"data only":     {data: "lowerdir=/a:/b::/c::/d", want: []string{"lowerdir+=/a", "lowerdir+=/b", "datadir+=/c", "datadir+=/d"}, ok: true},
		"long together": {data: "lowerdir=" + long + ":" + long, want: []string{"lowerdir+=" + long, "lowerdir+=" + long}, ok: true},
		"long by itself": {
			data: "lowerdir=/a:" + long + "x", want: []string{"lowerdir+=/a", "lowerdir+=" + long + "x"},
		},
		"long otherwise": {data: "lowerdir=/a,upperdir=" + long + "x", want: []string{"lowerdir+=/a", "upperdir=" + long + "x"}},
		"long source":    {source: long + "x", data: "lowerdir=/a", want: []string{"lowerdir+=/a"}},
	} {
		if tt.device == "" {
			tt.device = "overlay"
		}
		m := &configs.Mount{Device: tt.device, Source: tt.source, Data: tt.data}
		got, ok := overlayLayers(m, splitOptions(tt.device, tt.data))
		if ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, ok, tt.want, tt.ok)
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
