package seccomp

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// recording is testdata/filters.json: the filters that this package made when the
// numbers of system calls still came from libseccomp 2.5.4, of Debian 12. The profiles
// are Default of that time, those of the tests, some random ones, and one that tells
// apart every call that libseccomp knew. None has two conditions on one argument in a
// rule, the meaning of which has changed since.
type recording struct {
	// Unknown are the calls named in the profiles that libseccomp did not know.
	Unknown  []string          `json:"unknown"`
	Profiles []json.RawMessage `json:"profiles"`
	Filters  []struct {
		Profile       int      `json:"profile"`
		GOARCH        string   `json:"goarch"`
		Architectures []string `json:"architectures"`
		Filter        []byte   `json:"filter"`
	} `json:"filters"`
}

func readRecording(t *testing.T) *recording {
	t.Helper()
	data, err := os.ReadFile("testdata/filters.json")
	if err != nil {
		t.Fatal(err)
	}
	r := new(recording)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	if len(r.Filters) == 0 {
		t.Fatal("there are no filters")
	}
	return r
}

func (r *recording) profile(t *testing.T, i int, architectures []string) *configs.Seccomp {
	t.Helper()
	p := new(configs.Seccomp)
	if err := json.Unmarshal(r.Profiles[i], p); err != nil {
		t.Fatal(err)
	}
	p.Architectures = architectures
	return p
}

// TestRecordedFilters compiles the recorded profiles without the calls that libseccomp
// did not know, and so skipped: byte by byte it is the recorded filter.
func TestRecordedFilters(t *testing.T) {
	r := readRecording(t)
	for _, f := range r.Filters {
		p := r.profile(t, f.Profile, f.Architectures)
		p.Syscalls = slices.DeleteFunc(p.Syscalls, func(s *configs.Syscall) bool { return slices.Contains(r.Unknown, s.Name) })
		if got := mustCompile(t, f.GOARCH, p); !bytes.Equal(got.Filter, f.Filter) {
			t.Errorf("profile %d, %s and %v: not the filter that was recorded: %s", f.Profile, f.GOARCH, f.Architectures, r.Profiles[f.Profile])
		}
	}
}

// TestNewerCallsAlone compiles the recorded profiles as they are: the filters differ
// from the recorded ones in the calls that libseccomp did not know, and in that calls
// below the newest of these are no longer taken for unknown.
func TestNewerCallsAlone(t *testing.T) {
	r := readRecording(t)
	for _, f := range r.Filters {
		p := r.profile(t, f.Profile, f.Architectures)
		got := mustCompile(t, f.GOARCH, p)
		for _, a := range machine(f.GOARCH) {
			newer := make(map[uint32]bool)
			for _, name := range r.Unknown {
				if nr, ok := a.number(name); ok {
					newer[nr] = true
				}
			}
			for nr := range uint32(1024) {
				c := call{nr: a.first + nr, arch: a.audit}
				was, is := run(t, f.Filter, c), run(t, got.Filter, c)
				if was == is || newer[c.nr] || was == retErrno|eNoSys && is == result(p.DefaultAction, p.DefaultErrnoRet) {
					continue
				}
				t.Errorf("profile %d, %s and %v: call %d of %s: %#x, recorded %#x", f.Profile, f.GOARCH, f.Architectures, c.nr, a.name, is, was)
			}
		}
	}
}
