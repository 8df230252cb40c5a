package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServant(t *testing.T) {
	s, err := newServant("/bin/sh", "-c", `read -r line && echo "12.5 20" && read -r line && echo "$line" 1 2 && echo why >&2 && exit 3`)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := s.once(t.Context())
	if err != nil || sample.Wall != 12500*time.Nanosecond || sample.CPU != 20*time.Microsecond {
		t.Errorf("sample %+v, error %v", sample, err)
	}
	if numbers, err := s.ask("7", 3); err != nil || !slices.Equal(numbers, []float64{7, 1, 2}) {
		t.Errorf("numbers %v, error %v", numbers, err)
	}
	_, err = s.once(t.Context())
	for _, want := range []string{"sh ended", "exit status 3", "why"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if err := s.close(); err != nil {
		t.Errorf("close it again: %v", err)
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	for _, line := range []string{"", "1", "1 2 3", "1 x"} {
		if numbers, err := parseAnswer(line, 2); err == nil {
			t.Errorf("%q gave %v", line, numbers)
		}
	}
}
