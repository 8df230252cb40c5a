package configs

import (
	"slices"
	"strings"
	"testing"
)

func TestParseCPUs(t *testing.T) {
	tests := []struct {
		list    string
		want    []int
		wantErr string
	}{
		{list: ""},
		{list: "0", want: []int{0}},
		{list: "0-3,7", want: []int{0, 1, 2, 3, 7}},
		{list: "8191", want: []int{8191}},
		{list: "5,1-2,2-3,5", want: []int{1, 2, 3, 5}},
		{list: "4-4", want: []int{4}},
		{list: "8192", wantErr: "8192 is above 8191"},
		{list: "0-4294967295", wantErr: "4294967295 is above 8191"},
		{list: "99999999999999999999", wantErr: "is not the number of a CPU"},
		{list: "3-1", wantErr: `the range "3-1" ends before it begins`},
		{list: "1,", wantErr: `"" is not the number of a CPU`},
		{list: "-1", wantErr: `"" is not the number of a CPU`},
		{list: "1-", wantErr: `"" is not the number of a CPU`},
		{list: "1-2-3", wantErr: `"2-3" is not the number of a CPU`},
		{list: "+1", wantErr: `"+1" is not the number of a CPU`},
		{list: "0x1", wantErr: `"0x1" is not the number of a CPU`},
		{list: " 1", wantErr: `" 1" is not the number of a CPU`},
		{list: "1\n", wantErr: "is not the number of a CPU"},
	}
	for _, tt := range tests {
		got, err := ParseCPUs(tt.list)
		switch {
		case tt.wantErr != "":
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("ParseCPUs(%q) = %v, %v; want an error with %q", tt.list, got, err, tt.wantErr)
			}
		case err != nil || !slices.Equal(got, tt.want):
			t.Errorf("ParseCPUs(%q) = %v, %v; want %v", tt.list, got, err, tt.want)
		}
	}
}

// A list that names all CPUs a thousand times needs no memory for each of them.
func TestParseCPUsOfALongList(t *testing.T) {
	got, err := ParseCPUs(strings.TrimSuffix(strings.Repeat("0-8191,", 1000), ","))
	if err != nil || len(got) != 8192 || got[0] != 0 || got[8191] != 8191 {
		t.Errorf("%d CPUs, error %v; want 8192", len(got), err)
	}
}
