//go:build linux

package devices

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// parseOrdered reads rules such as "allow c 1:* rwm".
func parseOrdered(t *testing.T, allowAll bool, lines ...string) (Ordered, []*configs.DeviceRule) {
	t.Helper()
	var rules []*configs.DeviceRule
	for _, line := range lines {
		verb, text, _ := strings.Cut(line, " ")
		list, err := ParseList(text + "\n")
		if err != nil {
			t.Fatal(err)
		}
		for p, access := range list.Exceptions {
			rules = append(rules, &configs.DeviceRule{
				Allow: verb == "allow", Type: rune(p.Kind), Major: p.Major, Minor: p.Minor, Permissions: access.String(),
			})
		}
	}
	o, err := NewOrdered(allowAll, rules)
	if err != nil {
		t.Fatal(err)
	}
	return o, rules
}

func TestOrderedAllows(t *testing.T) {
	o, _ := parseOrdered(t, false, "allow c 1:* rwm", "deny c 1:3 w", "deny c 1:5 rwm", "allow c 1:5 r", "allow b *:0 m")
	for _, test := range []struct {
		kind         byte
		major, minor uint32
		want         Access
	}{
		{'c', 1, 0, allAccesses}, {'c', 1, 3, Read | Mknod}, {'c', 1, 5, Read}, {'c', 2, 0, 0}, {'b', 1, 0, Mknod}, {'b', 1, 1, 0},
	} {
		for access := range allAccesses + 1 {
			want := access&^test.want == 0 && test.want != 0
			if got := o.Allows(test.kind, test.major, test.minor, access); got != want {
				t.Errorf("%c %d:%d %q: %v", test.kind, test.major, test.minor, access, got)
			}
		}
	}
	if o, _ := parseOrdered(t, true, "deny c 1:3 r"); !o.Allows('c', 1, 4, Read) || o.Allows('c', 1, 3, Read|Write) || !o.Allows('c', 1, 3, Write) {
		t.Error("rules that begin with all")
	}
}

func TestWithoutOrder(t *testing.T) {
	for _, test := range []struct {
		name     string
		allowAll bool
		lines    []string
		want     string // the lists' lines; "none" if there are no such rules
	}{
		{"nothing", false, nil, "only []"},
		{"all", true, nil, "all but []"},
		{"allowed", false, []string{"allow c 1:3 rw", "allow c 136:* rwm"}, `only ["c 136:* rwm" "c 1:3 rw"]`},
		{"taken back", false, []string{"allow c 1:3 rw", "deny c 1:3 w", "allow c 1:3 m"}, `only ["c 1:3 rm"]`},
		{"covered", false, []string{"allow c 1:* rwm", "allow c 1:3 r"}, `only ["c 1:* rwm"]`},
		{"denied", true, []string{"deny c 1:3 w"}, `all but ["c 1:3 w"]`},
		{"all, and then only some", true, []string{"deny b *:* rwm", "deny c *:* rwm", "allow c 1:3 rw"}, `only ["c 1:3 rw"]`},
		{"none, and then all but some", false, []string{"allow b *:* rwm", "allow c *:* rwm", "deny c 1:3 w"}, `all but ["c 1:3 w"]`},
		{"a hole", false, []string{"allow c 1:* rwm", "deny c 1:3 rwm"}, "none"},
		{"two ways", false, []string{"allow c 1:3 r", "allow c *:3 w"}, `only ["c *:3 w" "c 1:3 rw"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, _ := parseOrdered(t, test.allowAll, test.lines...)
			rules, ok := o.WithoutOrder()
			got := "none"
			if ok {
				got = describe(rules)
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestNewOrderedRefuses(t *testing.T) {
	good := configs.DeviceRule{Type: 'c', Major: 1, Minor: 3, Permissions: "r"}
	for want, change := range map[string]func(*configs.DeviceRule){
		"is not a type": func(r *configs.DeviceRule) { r.Type = 'x' }, "no permissions": func(r *configs.DeviceRule) { r.Permissions = "" },
		"-2 is not a device number": func(r *configs.DeviceRule) { r.Minor = -2 },
	} {
		bad := good
		change(&bad)
		_, err := NewOrdered(false, []*configs.DeviceRule{&good, &bad})
		if err == nil || !strings.Contains(err.Error(), "DeviceRules[1]: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := NewOrdered(false, []*configs.DeviceRule{nil}); err == nil {
		t.Error("a nil rule was accepted")
	}
}

// randomRules returns rules about testDevices and others.
func randomRules(r *rand.Rand) []*configs.DeviceRule {
	var list []*configs.DeviceRule
	for _, d := range randomDevices(r) {
		list = append(list, &configs.DeviceRule{Allow: r.IntN(2) == 0, Type: d.Type, Major: d.Major, Minor: d.Minor, Permissions: d.Permissions})
	}
	return list
}

// The program and, where there are some, the rules without an order decide as the rules do.
func TestRandomOrdered(t *testing.T) {
	r := newRandom(t)
	kinds := map[byte]uint16{'b': unix.BPF_DEVCG_DEV_BLOCK, 'c': unix.BPF_DEVCG_DEV_CHAR}
	simple := 0
	for range 2000 {
		o, err := NewOrdered(r.IntN(2) == 0, randomRules(r))
		if err != nil {
			t.Fatal(err)
		}
		code, err := compileOrdered(r.IntN(layouts), o)
		if err != nil {
			t.Fatal(err)
		}
		rules, ok := o.WithoutOrder()
		if ok {
			simple++
		}
		for _, d := range testDevices() {
			for access := range allAccesses + 1 {
				want := o.Allows(d.kind, d.major, d.minor, access)
				got, err := run(code, kinds[d.kind], d.major, d.minor, uint16(access))
				if err != nil || (got == 1) != want {
					t.Fatalf("%+v: %c %d:%d %q: got %d, %v", o, d.kind, d.major, d.minor, access, got, err)
				}
				if ok && access != 0 && rules.Allows(d.kind, d.major, d.minor, access) != want {
					t.Fatalf("%+v: %s: %c %d:%d %q: want %v", o, describe(rules), d.kind, d.major, d.minor, access, want)
				}
			}
		}
	}
	if simple == 0 || simple == 2000 {
		t.Errorf("%d of 2000 random lists have rules without an order", simple)
	}
}

// Too many rules are refused, in a moment.
func TestOrderedLimit(t *testing.T) {
	var list []*configs.DeviceRule
	for i := range int64(maxComparisons + 1) {
		list = append(list, &configs.DeviceRule{Allow: i%2 == 0, Type: 'c', Major: 1, Minor: i, Permissions: "r"})
	}
	o, err := NewOrdered(false, list[:200])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compileOrdered(0, o); err != nil {
		t.Error(err)
	}
	if o, err = NewOrdered(false, list); err != nil {
		t.Fatal(err)
	}
	if _, err := compileOrdered(0, o); err == nil || !strings.Contains(err.Error(), "comparisons") {
		t.Errorf("got %v, want an error with the limit", err)
	}
}

// The kernel's answers on cgroup v2.
func TestRootOrdered(t *testing.T) {
	path, reason := rootCgroup(t, "")
	if reason != "" {
		t.Skip(reason)
	}
	dir, p := openDir(t, path), startProbe(t, path)
	if err := AttachOrdered(dir, true, nil); unavailable(err) {
		t.Skip(err)
	}
	r := newRandom(t)
	lists := [][]*configs.DeviceRule{}
	_, hole := parseOrdered(t, false, "allow c 1:* rwm", "deny c 1:3 rwm")
	lists = append(lists, hole)
	for range 200 {
		lists = append(lists, randomRules(r))
	}
	for _, list := range lists {
		allowAll := r.IntN(2) == 0
		o, err := NewOrdered(allowAll, list)
		if err != nil {
			t.Fatal(err)
		}
		if err := AttachOrdered(dir, allowAll, list); err != nil {
			t.Fatal(err)
		}
		questions := slices.DeleteFunc(allQuestions(), func(q question) bool { return q.access == 0 })
		for i, answer := range p.mustAnswer(t, questions) {
			q := questions[i]
			d := testDevices()[q.device]
			if want := o.Allows(d.kind, d.major, d.minor, q.access); (answer == answerYes) != want {
				t.Fatalf("%+v: %c %d:%d %q: got %c", o, d.kind, d.major, d.minor, q.access, answer)
			}
		}
	}
}
