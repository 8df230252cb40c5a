package criurpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

func TestVersion(t *testing.T) {
	for _, test := range []struct {
		v            Version
		text         string
		major, minor int
		atLeast      bool
	}{
		{Version{Major: 4, Minor: 2, Sublevel: 1}, "4.2.1", 4, 2, true},
		{Version{Major: 4, Minor: 1}, "4.1", 4, 2, false},
		{Version{Major: 5}, "5.0", 4, 2, true},
		{Version{Major: 3, Minor: 17, GitID: "v3.17-9\n"}, "3.17 (v3.17-9)", 4, 0, false},
	} {
		if test.v.String() != test.text || test.v.AtLeast(test.major, test.minor) != test.atLeast {
			t.Errorf("%+v is %q", test.v, test.v)
		}
	}
}

func TestKernelAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.16.0": true, "6.18.44-fc-v782": true, "7.0": true, "6.15.99": false, "5.18": false, "4.19.0-27-amd64": false, "unknown": true, "": true,
	} {
		if got := kernelAtLeast(release, 6, 16); got != want {
			t.Errorf("%q is at least 6.16: %v", release, got)
		}
	}
}

// all42 has everything.
func all42() *Features {
	f := &Features{
		Version: Version{Major: 4, Minor: 2}, Kernel: "6.18.1", MemTrack: true, LazyPages: true, BigPipes: true, PidfdStore: true,
		NftablesLock: true, Programs: make(map[string]string),
	}
	for _, name := range helpers {
		f.Programs[name] = "/bin/" + name
	}
	return f
}

func TestMissing(t *testing.T) {
	const iptables, nftables = rpc.CriuNetworkLockMethod_IPTABLES, rpc.CriuNetworkLockMethod_NFTABLES
	everything := Needs{PreDump: true, LazyPages: true, LazyDump: true, InetSockets: true, NetworkNamespace: true, Tmpfs: true, NetworkLock: iptables}
	for _, need := range []Needs{everything, {NetworkLock: nftables}, {}} {
		if err := all42().Missing(need); err != nil {
			t.Errorf("%+v: %v", need, err)
		}
	}
	if err := new(Features).Missing(Needs{}); err == nil {
		t.Error("no criu at all is enough")
	}
	problem := &Error{Op: OpCheck, Log: []string{"Error (x.c:1): old"}, Err: ErrFailed}
	for what, test := range map[string]struct {
		lack func(*Features)
		need Needs
		text string
	}{
		"old":          {func(f *Features) { f.Version = Version{Major: 3, Minor: 17, Sublevel: 1} }, Needs{}, "criu is version 3.17.1: install CRIU 4.0 or later"},
		"check":        {func(f *Features) { f.Problem = problem }, Needs{}, "Error (x.c:1): old: install"},
		"tracking":     {func(f *Features) { f.MemTrack = false }, Needs{PreDump: true}, "CONFIG_MEM_SOFT_DIRTY"},
		"userfaultfd":  {func(f *Features) { f.LazyPages = false }, Needs{LazyPages: true}, "userfaultfd"},
		"pipes":        {func(f *Features) { f.BigPipes = false }, Needs{LazyDump: true}, "CAP_SYS_RESOURCE"},
		"inet sockets": {func(f *Features) { f.Version.Minor = 1 }, Needs{InetSockets: true}, "4.1 cannot on Linux 6.16 or later, and this is 6.18.1: install CRIU 4.2"},
		"tar":          {func(f *Features) { delete(f.Programs, "tar") }, Needs{Tmpfs: true}, "no program tar"},
		"gzip":         {func(f *Features) { delete(f.Programs, "gzip") }, Needs{Tmpfs: true}, "no program gzip"},
		"ip":           {func(f *Features) { delete(f.Programs, "ip") }, Needs{NetworkNamespace: true}, "no program ip "},
		"iptables":     {func(f *Features) { delete(f.Programs, "iptables-restore") }, Needs{NetworkLock: iptables}, "no program iptables-restore"},
		"ip6tables":    {func(f *Features) { delete(f.Programs, "ip6tables-restore") }, Needs{NetworkLock: iptables}, "no program ip6tables-restore"},
		"nftables":     {func(f *Features) { f.NftablesLock = false }, Needs{NetworkLock: nftables}, "choose the method iptables"},
	} {
		f := all42()
		test.lack(f)
		err := f.Missing(test.need)
		var missing *MissingError
		if !errors.As(err, &missing) || !errors.Is(err, errors.ErrUnsupported) || missing.What == "" || missing.Why == "" || missing.Remedy == "" {
			t.Errorf("%s: %+v", what, err)
			continue
		}
		if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", what, err, test.text)
		}
		if test.need != (Needs{}) {
			if err := f.Missing(Needs{}); err != nil {
				t.Errorf("%s is missing, and not needed: %v", what, err)
			}
		}
	}
	f := all42()
	f.MemTrack, f.Programs = false, nil
	if err := f.Missing(everything); strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("of six that are missing it tells %v", err)
	}
	f.Version.Minor, f.Kernel = 1, "6.12.0"
	if !f.InetSockets() {
		t.Error("criu 4.1 can dump sockets on Linux 6.12")
	}
}

func TestProbe(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"tar", "ip"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "gzip"), nil, 0o644); err != nil { // cannot be executed
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	f, err := fakeCriu(t, "probe", "FAKE_VERSION=402", "FAKE_ALL=1", "PATH=relative:"+bin).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.Problem != nil || !f.MemTrack || !f.LazyPages || !f.PidfdStore || !f.NftablesLock || f.Version != (Version{Major: 4, Minor: 2, Sublevel: 1}) || f.Kernel == "" {
		t.Errorf("the features are %+v", f)
	}
	if got, want := fmt.Sprint(f.Programs), fmt.Sprintf("map[ip:%s/ip tar:%s/tar]", bin, bin); got != want {
		t.Errorf("the programs are %s, want %s", got, want)
	}
	f, err = fakeCriu(t, "probe", "FAKE_VERSION=402", "FAKE_ALL=1", "FAKE_OLD=1").Probe(t.Context())
	if err != nil || f.Problem == nil || !strings.Contains(f.Problem.Error(), "feature check") {
		t.Errorf("the features are %+v, error %v", f, err)
	}
	f, err = fakeCriu(t, "probe", "FAKE_VERSION=317", "FAKE_OLD=1").Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.MemTrack || f.LazyPages || f.PidfdStore || f.NftablesLock || f.Problem == nil || !strings.Contains(f.Problem.Error(), "Error (check.c:1): no kernel") {
		t.Errorf("the features are %+v", f)
	}
	if err := f.Missing(Needs{}); err == nil || !strings.Contains(err.Error(), "3.17.1") {
		t.Errorf("missing is %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 || err != nil {
		t.Errorf("left are %v, error %v", left, err)
	}
}

func TestProbeFails(t *testing.T) {
	if _, err := fakeCriu(t, "die", "FAKE_DIE=request").Probe(t.Context()); !errors.Is(err, ErrDied) {
		t.Errorf("a criu that dies: %v", err)
	}
	c := fakeCriu(t, "pause")
	c.Grace = hurry
	ctx, cancel := context.WithTimeout(t.Context(), hurry)
	defer cancel()
	if _, err := c.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a criu that hangs: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), hurry)
	defer cancel()
	if _, err := c.checkFeature(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a criu that hangs when it checks a feature: %v", err)
	}
}
