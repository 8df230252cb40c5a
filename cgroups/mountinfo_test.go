package cgroups

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseMountinfo(t *testing.T) {
	entry := mountEntry{root: "/", mountpoint: "/c", fsType: "cgroup", superOpts: []string{"rw", "cpu"}}
	with := func(change func(*mountEntry)) mountEntry {
		e := entry
		change(&e)
		return e
	}
	for _, test := range []struct {
		name, text string
		want       []mountEntry
		wantErr    string
	}{
		{"empty", "", nil, ""},
		{"other types", "21 1 0:5 / /proc rw - proc proc rw\n", nil, ""},
		{"plain", "30 1 0:30 / /c rw - cgroup cgroup rw,cpu\n", []mountEntry{entry}, ""},
		{"optional fields", "30 1 0:30 / /c rw shared:3 master:1 - cgroup cgroup rw,cpu\n", []mountEntry{entry}, ""},
		{"no source", "30 1 0:30 / /c rw - cgroup  rw,cpu\n", []mountEntry{entry}, ""},
		{"escapes", `30 1 0:30 /a\134b /c\040d\011e\012 rw - cgroup cgroup rw,cpu` + "\n",
			[]mountEntry{with(func(e *mountEntry) { e.root, e.mountpoint = `/a\b`, "/c d\te\n" })}, ""},
		{"not escapes", `30 1 0:30 / /c\9\08\777\04 rw - cgroup cgroup rw,cpu` + "\n",
			[]mountEntry{with(func(e *mountEntry) { e.mountpoint = `/c\9\08\777\04` })}, ""},
		{"hidden", "30 1 0:30 / /c rw - cgroup cgroup rw,cpu\n31 30 0:31 / /c rw - tmpfs tmpfs rw\n", nil, ""},
		{"over another", "29 1 0:31 / /c rw - tmpfs tmpfs rw\n30 1 0:30 / /c rw - cgroup cgroup rw,cpu\n", []mountEntry{entry}, ""},
		{"no separator", "30 1 0:30 / /c rw cgroup cgroup rw\n", nil, "line 1: no separator"},
		{"short head", "21 1 0:5 / /proc rw - proc proc rw\n30 1 0:30 / - cgroup cgroup rw\n", nil, "line 2: too few fields"},
		{"short tail", "30 1 0:30 / /c rw - cgroup cgroup\n", nil, "line 1: too few fields"},
		{"long line", strings.Repeat("x", 2<<20), nil, "token too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseMountinfo(strings.NewReader(test.text))
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("got %v, %v, want an error with %q", got, err, test.wantErr)
				}
				return
			}
			if err != nil || len(got) != len(test.want) || len(got) > 0 && !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

// escapeOctal does what the kernel does to fields of mountinfo.
func escapeOctal(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(" \t\n\\", c) >= 0 {
			fmt.Fprintf(&b, `\%03o`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func FuzzUnescapeOctal(f *testing.F) {
	f.Add("/a b\tc\nd\\e")
	f.Fuzz(func(t *testing.T, s string) {
		if got := unescapeOctal(escapeOctal(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
		// Text that the kernel has not made must not break it either.
		if got := unescapeOctal(s); len(got) > len(s) {
			t.Errorf("%q grew to %q", s, got)
		}
	})
}

func FuzzNewSnapshot(f *testing.F) {
	f.Add("30 1 0:30 / /c rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n", "2:cpu,cpuacct:/a\n1:name=x:/\n0::/\n")
	f.Add("30 1 0:30 /a /c\\040 rw - cgroup2 x rw\n", "0::/a:b\n")
	f.Fuzz(func(t *testing.T, mountinfo, cgroup string) {
		s, err := NewSnapshot(strings.NewReader(mountinfo), strings.NewReader(cgroup))
		if err != nil {
			return
		}
		for _, h := range s.Hierarchies() {
			if len(h.Keys) == 0 {
				t.Errorf("a hierarchy without keys: %+v", h)
			}
			if got, err := s.Find(h.Keys[0]); err != nil || !reflect.DeepEqual(got, h) {
				t.Errorf("Find(%q) gives %+v, %v, want %+v", h.Keys[0], got, err, h)
			}
		}
		if (s.Layout() == LayoutV1) != (len(s.Hierarchies()) > 0 && !hasV2(s)) && len(s.mounts) > 0 {
			t.Errorf("the layout is %v with %+v", s.Layout(), s.Hierarchies())
		}
	})
}

func hasV2(s *Snapshot) bool {
	_, err := s.Find("")
	return err == nil
}
