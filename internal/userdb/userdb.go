// Package userdb looks users and groups up in the text of passwd(5) and group(5) files
// that nobody vouches for.
//
// The kept libraries for that job take what is no number for id 0, which is root, and
// ids above 2^31 for errors; here a line that is needed and cannot be read is an error
// that quotes it.
package userdb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// User is who a program runs as.
type User struct {
	UID, GID uint32
	// Groups are the supplementary groups.
	Groups []uint32
	// Home is the home directory, "/" if the database names none.
	Home string
}

const (
	// maxID is the highest id: the one above means "no id" to the kernel.
	maxID = 1<<32 - 2
	// maxQuote is how much of a line an error quotes.
	maxQuote = 80
)

var errNoEntry = errors.New("no such entry")

// Lookup finds the user that spec says: "user", "uid", "user:group", "uid:gid",
// "uid:group" or "user:gid"; empty means root. Numbers are never looked up as names. A
// uid that has no entry has group 0. Without a group in spec the user's supplementary
// groups are those that list it; additional ones are names or numbers.
//
// The errors name what was not found, or quote a line that cannot be read.
func Lookup(spec string, additional []string, passwd, group []byte) (*User, error) {
	u, err := lookup(spec, passwd, group)
	if err != nil {
		return nil, fmt.Errorf("look up user %q: %w", spec, err)
	}
	for _, name := range additional {
		gid, err := lookupGroup(name, group)
		if err != nil {
			return nil, fmt.Errorf("look up additional groups %q: %w", additional, err)
		}
		if !slices.Contains(u.Groups, gid) {
			u.Groups = append(u.Groups, gid)
		}
	}
	return u, nil
}

func lookup(spec string, passwd, group []byte) (*User, error) {
	userSpec, groupSpec, hasGroup := strings.Cut(spec, ":")
	u := &User{Home: "/"}
	name := ""
	uid, isNumber, err := number(userSpec)
	if err != nil {
		return nil, err
	}
	u.UID = uid
	fields, err := find(passwd, func(f []string) bool {
		if isNumber || userSpec == "" {
			id, err := parseID(field(f, 2))
			return err == nil && id == uid
		}
		return f[0] == userSpec
	})
	switch {
	case errors.Is(err, errNoEntry):
		if !isNumber && userSpec != "" {
			return nil, fmt.Errorf("there is no user %q in /etc/passwd", userSpec)
		}
	case err != nil:
		return nil, err
	default:
		name = fields[0]
		if u.UID, err = parseID(field(fields, 2)); err != nil {
			return nil, fmt.Errorf("line %s of /etc/passwd: uid: %w", quote(fields), err)
		}
		if u.GID, err = parseID(field(fields, 3)); err != nil {
			return nil, fmt.Errorf("line %s of /etc/passwd: gid: %w", quote(fields), err)
		}
		if home := field(fields, 5); home != "" {
			u.Home = home
		}
	}
	if hasGroup && groupSpec != "" {
		u.GID, err = lookupGroup(groupSpec, group)
		return u, err
	}
	if name == "" {
		return u, nil
	}
	u.Groups, err = memberships(name, group)
	return u, err
}

// lookupGroup finds a group by its name or number.
func lookupGroup(spec string, group []byte) (uint32, error) {
	gid, isNumber, err := number(spec)
	if err != nil || isNumber {
		return gid, err
	}
	fields, err := find(group, func(f []string) bool { return f[0] == spec })
	if errors.Is(err, errNoEntry) {
		return 0, fmt.Errorf("there is no group %q in /etc/group", spec)
	}
	if err != nil {
		return 0, err
	}
	if gid, err = parseID(field(fields, 2)); err != nil {
		return 0, fmt.Errorf("line %s of /etc/group: gid: %w", quote(fields), err)
	}
	return gid, nil
}

// memberships gives the groups that list a user.
func memberships(name string, group []byte) (gids []uint32, err error) {
	_, ferr := find(group, func(f []string) bool {
		if err != nil || !slices.Contains(strings.Split(field(f, 3), ","), name) {
			return false
		}
		gid, perr := parseID(field(f, 2))
		if perr != nil {
			err = fmt.Errorf("line %s of /etc/group: gid: %w", quote(f), perr)
		} else if !slices.Contains(gids, gid) {
			gids = append(gids, gid)
		}
		return false
	})
	if err == nil && !errors.Is(ferr, errNoEntry) {
		err = ferr
	}
	return gids, err
}

// number tells whether a text is a number, which must be an id then.
func number(s string) (id uint32, is bool, err error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false, nil
	}
	id, err = parseID(s)
	return id, true, err
}

func parseID(s string) (uint32, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	id, err := strconv.ParseUint(s, 10, 64)
	if err != nil || id > maxID {
		return 0, fmt.Errorf("%s is over the highest id, %d", s, uint32(maxID))
	}
	return uint32(id), nil
}

// find gives the fields of the first line that match accepts.
func find(text []byte, match func(fields []string) bool) ([]string, error) {
	for line := range bytes.Lines(text) {
		trimmed := strings.TrimRight(string(line), "\r\n")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if fields := strings.Split(trimmed, ":"); match(fields) {
			return fields, nil
		}
	}
	return nil, errNoEntry
}

func field(fields []string, i int) string {
	if i < len(fields) {
		return fields[i]
	}
	return ""
}

func quote(fields []string) string {
	line := strings.Join(fields, ":")
	if len(line) > maxQuote {
		line = line[:maxQuote] + "..."
	}
	return strconv.Quote(line)
}
