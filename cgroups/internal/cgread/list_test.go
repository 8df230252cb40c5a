//go:build linux

package cgread

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "\n": nil, "0\n": {0}, "0-3,7\n": {0, 1, 2, 3, 7}, "7,0-1,1": {0, 1, 7}, "5-5": {5}, "65535": {65535},
	} {
		if got, err := parseList(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", ",", "1,", "3-1", "1-", "-1", "1-2-3", "65536", "0-4294967295", "0-65535,0-65535", "1 2", "99999999999999999999"} {
		if got, err := parseList(text); err == nil {
			t.Errorf("%q: got %d numbers, want an error", text, len(got))
		}
	}
}

func TestParseInt(t *testing.T) {
	if got, err := parseInt("-1\n"); err != nil || got != -1 {
		t.Errorf("got %d, %v", got, err)
	}
	if got, err := parseInt("x\n"); err == nil {
		t.Errorf("got %d, want an error", got)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("0-3,7\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseList(text)
		if err != nil {
			return
		}
		var words []string
		for _, n := range list {
			words = append(words, strconv.Itoa(n))
		}
		if got, err := parseList(strings.Join(words, ",")); err != nil || !slices.Equal(got, list) {
			t.Errorf("%q: got %v, then %v, %v", text, list, got, err)
		}
	})
}
