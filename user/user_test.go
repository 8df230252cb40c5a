package user_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/user"
)

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:7:8:Ann:/home/ann:/bin/ash\n"
	group  = "root:x:0:\nstaff:x:8:ann\ncrew:x:9:root,ann\n"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	passwdPath, groupPath := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	if err := errors.Join(os.WriteFile(passwdPath, []byte(passwd), 0o600), os.WriteFile(groupPath, []byte(group), 0o600)); err != nil {
		t.Fatal(err)
	}
	isAnn := func(u user.User) bool { return u.Name == "ann" }
	isCrew := func(g user.Group) bool { return g.Name == "crew" }
	for name, read := range map[string]func() ([]user.User, error){
		"reader":        func() ([]user.User, error) { return user.ParsePasswd(strings.NewReader(passwd)) },
		"file":          func() ([]user.User, error) { return user.ParsePasswdFile(passwdPath) },
		"reader filter": func() ([]user.User, error) { return user.ParsePasswdFilter(strings.NewReader(passwd), isAnn) },
		"file filter":   func() ([]user.User, error) { return user.ParsePasswdFileFilter(passwdPath, isAnn) },
	} {
		users, err := read()
		if err != nil || len(users) == 0 || users[len(users)-1].Home != "/home/ann" || strings.Contains(name, "filter") != (len(users) == 1) {
			t.Errorf("users of %s: %+v, error %v", name, users, err)
		}
	}
	for name, read := range map[string]func() ([]user.Group, error){
		"reader":        func() ([]user.Group, error) { return user.ParseGroup(strings.NewReader(group)) },
		"file":          func() ([]user.Group, error) { return user.ParseGroupFile(groupPath) },
		"reader filter": func() ([]user.Group, error) { return user.ParseGroupFilter(strings.NewReader(group), isCrew) },
		"file filter":   func() ([]user.Group, error) { return user.ParseGroupFileFilter(groupPath, isCrew) },
	} {
		groups, err := read()
		if err != nil || len(groups) == 0 || groups[len(groups)-1].Gid != 9 || strings.Contains(name, "filter") != (len(groups) == 1) {
			t.Errorf("groups of %s: %+v, error %v", name, groups, err)
		}
	}
	for name, get := range map[string]func() (*user.ExecUser, error){
		"reader": func() (*user.ExecUser, error) {
			return user.GetExecUser("ann", nil, strings.NewReader(passwd), strings.NewReader(group))
		},
		"file": func() (*user.ExecUser, error) { return user.GetExecUserPath("ann", nil, passwdPath, groupPath) },
	} {
		u, err := get()
		if err != nil || u.Uid != 7 || u.Gid != 8 || u.Home != "/home/ann" || !slices.Contains(u.Sgids, 9) {
			t.Errorf("user of %s: %+v, error %v", name, u, err)
		}
	}
	ids, err := user.GetAdditionalGroupsPath([]string{"crew"}, groupPath)
	if err != nil || !slices.Equal(ids, []int{9}) {
		t.Errorf("groups %v, error %v", ids, err)
	}
	if _, err := user.GetAdditionalGroups([]string{"-1"}, strings.NewReader(group)); !errors.Is(err, user.ErrRange) {
		t.Errorf("group -1: error %v, want %v", err, user.ErrRange)
	}
}

func TestLookups(t *testing.T) {
	if path, err := user.GetPasswdPath(); errors.Is(err, user.ErrUnsupported) {
		t.Skip(err)
	} else if path != "/etc/passwd" {
		t.Errorf("passwd is %s, error %v", path, err)
	}
	root, err := user.LookupUid(0)
	if err != nil || root.Uid != 0 || root.Name == "" {
		t.Errorf("user 0 is %+v, error %v", root, err)
	}
	if byName, err := user.LookupUser(root.Name); err != nil || byName != root {
		t.Errorf("user %s is %+v, error %v", root.Name, byName, err)
	}
	if _, err := user.LookupGroup("no such group"); err == nil {
		t.Error("a group was found that does not exist")
	}
}
