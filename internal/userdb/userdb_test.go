package userdb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:1::/usr/sbin:/bin/false
bob:x: 12:100::/home/bob:/bin/sh
jim:x:1OOO:100::/home/jim:/bin/sh
big:x:4294967294:4294967294::/big:
huge:x:4294967296:1::/:
minus:x:-1:1::/:
badgid:x:7:seven::/:
nohome:x:8:8:::
12:x:30:30::/twelve:
`

const group = `root:x:0:
daemon:x:1:daemon,nohome
audio:x:29:daemon
broken:x:zz:bob8
jimgrp:x:oo:nobody
`

func TestLookup(t *testing.T) {
	for spec, want := range map[string]User{
		"":             {Home: "/root"},
		"root":         {Home: "/root"},
		"0":            {Home: "/root"},
		"daemon":       {UID: 1, GID: 1, Groups: []uint32{1, 29}, Home: "/usr/sbin"},
		"1":            {UID: 1, GID: 1, Groups: []uint32{1, 29}, Home: "/usr/sbin"},
		"1:audio":      {UID: 1, GID: 29, Home: "/usr/sbin"},
		"daemon:77":    {UID: 1, GID: 77, Home: "/usr/sbin"},
		"12":           {UID: 12, Home: "/"}, // never the user of that name
		"1000:1000":    {UID: 1000, GID: 1000, Home: "/"},
		"big":          {UID: 4294967294, GID: 4294967294, Home: "/big"},
		"4294967294:5": {UID: 4294967294, GID: 5, Home: "/big"},
		"nohome":       {UID: 8, GID: 8, Groups: []uint32{1}, Home: "/"},
		"root:":        {Home: "/root"},
	} {
		got, err := Lookup(spec, nil, []byte(passwd), []byte(group))
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%q: %s", spec, diff)
		}
	}
}

func TestLookupWithoutDatabases(t *testing.T) {
	got, err := Lookup("5:6", []string{"7", "7"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(User{UID: 5, GID: 6, Groups: []uint32{7}, Home: "/"}, *got); diff != "" {
		t.Error(diff)
	}
}

func TestLookupRefuses(t *testing.T) {
	for _, tt := range []struct {
		spec       string
		additional []string
		text       string
	}{
		{"bob", nil, `"bob:x: 12:100`},
		{"jim", nil, `"1OOO" is not a number`},
		{"huge", nil, "4294967296 is over"},
		{"minus", nil, `"-1" is not a number`},
		{"badgid", nil, `gid: "seven"`},
		{"nobody", nil, `there is no user "nobody"`},
		{"4294967295", nil, "4294967295 is over"},
		{"99999999999999999999", nil, "is over"},
		{"root:nogroup", nil, `there is no group "nogroup"`},
		{"root:broken", nil, `"broken:x:zz:bob8"`},
		{"root", []string{"jimgrp"}, `"oo" is not a number`},
		{"-5", nil, `there is no user "-5"`},
		{" 0", nil, `there is no user " 0"`},
	} {
		u, err := Lookup(tt.spec, tt.additional, []byte(passwd), []byte(group))
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%q %q: user %+v, error %v, want %q in it", tt.spec, tt.additional, u, err, tt.text)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("root:audio", "daemon", passwd, group)
	f.Add("0", "29", "::::::", ":::")
	f.Fuzz(func(t *testing.T, spec, additional, passwd, group string) {
		u, err := Lookup(spec, []string{additional}, []byte(passwd), []byte(group))
		if (u == nil) == (err == nil) {
			t.Errorf("user %+v and error %v", u, err)
		}
		if u != nil && u.Home == "" {
			t.Error("no home")
		}
	})
}
