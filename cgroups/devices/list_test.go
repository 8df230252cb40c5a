package devices

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for _, test := range []struct {
		text     string
		want     []string
		allowAll bool
		wantErr  string
	}{
		{"", nil, false, ""},
		{"a *:* rwm\n", nil, true, ""},
		{"c 1:3 rwm\nb *:* m\nc 1:3 r\n", []string{"b *:* m", "c 1:3 rwm"}, false, ""},
		{"c 136:* rw\nc 136:1 m", []string{"c 136:* rw", "c 136:1 m"}, false, ""},
		{"c 1:3 rwm\nc 1:3\n", nil, false, "line 2"},
		{"c 1:3 rwm\n\n", nil, false, "line 2"},
		{"a *:* rwm\nc 1:3 r\n", nil, false, "not the only line"},
		{"a 1:3 rwm\n", nil, false, "line 1"},
		{"d 1:3 rwm\n", nil, false, "line 1"},
		{"c 13 rwm\n", nil, false, "line 1"},
		{"c 1:-3 rwm\n", nil, false, "-3"},
		{"c 1:4294967295 rwm\n", nil, false, "4294967295"},
		{"c x:3 rwm\n", nil, false, `"x"`},
		{"c 1:3 x\n", nil, false, `"x"`},
		{"c 1:3 \n", nil, false, "no permissions"},
	} {
		rules, err := ParseList(test.text)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%q: got %v, want an error with %q", test.text, err, test.wantErr)
			}
			continue
		}
		if got := rules.Exceptions.Lines(); err != nil || rules.AllowAll != test.allowAll || !slices.Equal(got, test.want) {
			t.Errorf("%q: got %v, %v", test.text, rules, err)
		}
	}
}

// What the rules are written as is read back as the same rules.
func FuzzParseList(f *testing.F) {
	f.Add("a *:* rwm\n")
	f.Add("c 1:3 rwm\nb *:* m\nc 136:* rw\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ParseList(text)
		if err != nil {
			return
		}
		again, err := ParseList(strings.Join(rules.Exceptions.Lines(), "\n"))
		if err != nil || !maps.Equal(rules.Exceptions, again.Exceptions) {
			t.Errorf("%q: got %v, then %v, %v", text, rules, again, err)
		}
	})
}
