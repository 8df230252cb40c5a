//go:build linux

package devices

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// rootCgroup makes a cgroup in the hierarchy with a key, removed when the test
// ends. It returns "" and the reason where it cannot.
func rootCgroup(t *testing.T, key string) (path, reason string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	s, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range s.Hierarchies() {
		if !slices.Contains(h.Keys, key) || h.Own == "" {
			continue
		}
		path := filepath.Join(h.Own, "lctest-"+strings.ToLower(rand.Text()))
		if err := os.Mkdir(path, 0o755); err != nil {
			return "", err.Error()
		}
		t.Cleanup(func() {
			if err := cgroups.RemovePaths(map[string]string{"": path}); err != nil {
				t.Error(err)
			}
		})
		return path, ""
	}
	return "", fmt.Sprintf("no cgroup hierarchy with the key %q is mounted", key)
}

// kernelSide is a cgroup of one version with a probe in it.
type kernelSide struct {
	name  string
	put   func(rules Rules, list []*configs.Device) error
	probe *probe
}

// kernelSides returns the versions of cgroups which can judge here, at least one.
func kernelSides(t *testing.T) []kernelSide {
	t.Helper()
	var sides []kernelSide
	for name, makeSide := range map[string]func(*testing.T) (kernelSide, string){"v1": sideV1, "v2": sideV2} {
		side, reason := makeSide(t)
		if reason == "" && side.restricted(t) {
			reason = "what it may use is restricted by cgroups above"
		}
		if reason != "" {
			t.Logf("without cgroup %s: %s", name, reason)
			continue
		}
		side.name = name
		sides = append(sides, side)
	}
	if len(sides) == 0 {
		t.Skip("no version of cgroups can be asked about devices here")
	}
	return sides
}

// restricted reports whether the probe may not use all devices, although nothing
// has been put in force.
func (s kernelSide) restricted(t *testing.T) bool {
	t.Helper()
	return bytes.ContainsRune(s.probe.mustAnswer(t, allQuestions()), answerNo)
}

func sideV1(t *testing.T) (kernelSide, string) {
	path, reason := rootCgroup(t, "devices")
	if reason != "" {
		return kernelSide{}, reason
	}
	allow, deny := openWrite(t, filepath.Join(path, "devices.allow")), openWrite(t, filepath.Join(path, "devices.deny"))
	put := func(rules Rules, _ []*configs.Device) error {
		file, exceptions := deny, allow
		if rules.AllowAll {
			file, exceptions = allow, deny
		}
		if _, err := file.WriteString("a\n"); err != nil {
			return err
		}
		for _, line := range rules.Exceptions.Lines() {
			if _, err := exceptions.WriteString(line + "\n"); err != nil {
				return err
			}
		}
		return nil
	}
	return kernelSide{put: put, probe: startProbe(t, path)}, ""
}

func openWrite(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func sideV2(t *testing.T) (kernelSide, string) {
	path, reason := rootCgroup(t, "")
	if reason != "" {
		return kernelSide{}, reason
	}
	dir := openDir(t, path)
	put := func(rules Rules, list []*configs.Device) error {
		return Attach(dir, rules.AllowAll, list, list)
	}
	err := put(Rules{}, nil)
	if err == nil {
		err = put(Rules{AllowAll: true}, nil)
	}
	if unavailable(err) {
		return kernelSide{}, err.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return kernelSide{put: put, probe: startProbe(t, path)}, ""
}

// openDir opens a cgroup's directory as the managers do.
func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// check puts rules in force on all sides, and compares what the kernel answers with
// them.
func check(t *testing.T, sides []kernelSide, rules Rules, list []*configs.Device, questions []question) {
	t.Helper()
	for _, s := range sides {
		if err := s.put(rules, list); err != nil {
			t.Fatalf("cgroup %s: %v: %v", s.name, describe(rules), err)
		}
		if err := s.probe.ask(questions); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sides {
		answers, err := s.probe.answers(len(questions))
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range questions {
			d := testDevices()[q.device]
			want := byte(answerNo)
			if rules.Allows(d.kind, d.major, d.minor, q.access) {
				want = answerYes
			}
			if answers[i] != want {
				t.Fatalf("cgroup %s: %s: %c %d:%d %q: got %c, want %c", s.name, describe(rules),
					d.kind, d.major, d.minor, q.access, answers[i], want)
			}
		}
	}
}

// The kernel judges accesses by the lists of cgroup v1, by the program for cgroup
// v2, and Rules.Allows by the rules themselves, and all three agree.
func TestRootRandomRules(t *testing.T) {
	sides := kernelSides(t)
	check(t, sides, Rules{AllowAll: true}, nil, allQuestions())
	check(t, sides, Rules{}, nil, allQuestions())
	r := newRandom(t)
	all := allQuestions()
	for range 10000 {
		list := randomDevices(r)
		rules, err := New(r.IntN(2) == 0, list, list)
		if err != nil {
			t.Fatal(err)
		}
		questions := make([]question, 20)
		for i := range questions {
			questions[i] = all[r.IntN(len(all))]
		}
		check(t, sides, rules, list, questions)
	}
}
