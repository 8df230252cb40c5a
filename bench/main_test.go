package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	given := []string{"-floor", "/f", "-floor-exec", "/e", "-hosts", "/h", "-rootfs", "/r"}
	opts, err := parseOptions("bench", append(given, "-beside", "500,0,100", "-tables", "exec,life", "-n", "7"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(opts.beside, []int{0, 100, 500}) || !slices.Equal(opts.tables, []string{"exec", "life"}) || opts.lives != 7 {
		t.Errorf("options are %+v", opts)
	}
	if !slices.Equal(opts.parallel, []int{1, 8, 64}) || !slices.Equal(opts.scale, []int{10, 100, 1000}) {
		t.Errorf("the numbers of the tables throughput and scale are %v and %v", opts.parallel, opts.scale)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "-rootfs"},
		{append(slices.Clone(given), "-n", "0"), "-n"},
		{append(slices.Clone(given), "-tables", "life,exce"), `"exce"`},
		{append(slices.Clone(given), "-tables", ""), "-tables"},
		{append(slices.Clone(given), "-beside", "0,-1"), `"-1"`},
		{append(slices.Clone(given), "-beside", "many"), `"many"`},
		{append(slices.Clone(given), "-parallel", "0,8"), `"0"`},
		{append(slices.Clone(given), "-scale", "10,"), `""`},
		{append(slices.Clone(given), "more"), `"more"`},
	} {
		if _, err := parseOptions("bench", test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one about %s", test.args, err, test.want)
		}
	}
}
