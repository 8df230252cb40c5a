// Package user is the classic library's name of github.com/moby/sys/user: the users and
// groups of passwd(5) and group(5).
//
// Deprecated: use github.com/moby/sys/user. A container's own users are those that
// Process.User names.
package user

import (
	"errors"
	"io"

	"github.com/moby/sys/user"
)

// The types of the kept package.
type (
	// User is a line of passwd(5).
	User = user.User
	// Group is a line of group(5).
	Group = user.Group
	// ExecUser is what a process of a user has.
	ExecUser = user.ExecUser
)

// ErrRange says that an id is out of range.
var ErrRange = user.ErrRange

// ErrUnsupported says that the system has no such files.
var ErrUnsupported = errors.New("user lookup: operating system does not provide passwd-formatted data")

// ParsePasswd is that of github.com/moby/sys/user, as all functions here.
func ParsePasswd(passwd io.Reader) ([]User, error) { return user.ParsePasswd(passwd) }

// ParsePasswdFile reads the users in a file.
func ParsePasswdFile(path string) ([]User, error) { return user.ParsePasswdFile(path) }

// ParsePasswdFileFilter reads those users in a file for which the filter is true.
func ParsePasswdFileFilter(path string, filter func(User) bool) ([]User, error) {
	return user.ParsePasswdFileFilter(path, filter)
}

// ParsePasswdFilter reads those users for which the filter is true.
func ParsePasswdFilter(r io.Reader, filter func(User) bool) ([]User, error) {
	return user.ParsePasswdFilter(r, filter)
}

// ParseGroup reads groups.
func ParseGroup(group io.Reader) ([]Group, error) { return user.ParseGroup(group) }

// ParseGroupFile reads the groups in a file.
func ParseGroupFile(path string) ([]Group, error) { return user.ParseGroupFile(path) }

// ParseGroupFileFilter reads those groups in a file for which the filter is true.
func ParseGroupFileFilter(path string, filter func(Group) bool) ([]Group, error) {
	return user.ParseGroupFileFilter(path, filter)
}

// ParseGroupFilter reads those groups for which the filter is true.
func ParseGroupFilter(r io.Reader, filter func(Group) bool) ([]Group, error) {
	return user.ParseGroupFilter(r, filter)
}

// GetExecUser finds out what a process of the user has whom userSpec names, as
// "user:group" with names or numbers.
func GetExecUser(userSpec string, defaults *ExecUser, passwd, group io.Reader) (*ExecUser, error) {
	return user.GetExecUser(userSpec, defaults, passwd, group)
}

// GetExecUserPath is GetExecUser with the two files.
func GetExecUserPath(userSpec string, defaults *ExecUser, passwdPath, groupPath string) (*ExecUser, error) {
	return user.GetExecUserPath(userSpec, defaults, passwdPath, groupPath)
}

// GetAdditionalGroups gives the ids of groups, which are names or numbers.
func GetAdditionalGroups(additionalGroups []string, group io.Reader) ([]int, error) {
	return user.GetAdditionalGroups(additionalGroups, group)
}

// GetAdditionalGroupsPath is GetAdditionalGroups with the file.
func GetAdditionalGroupsPath(additionalGroups []string, groupPath string) ([]int, error) {
	return user.GetAdditionalGroupsPath(additionalGroups, groupPath)
}
