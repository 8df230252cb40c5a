//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package user

import (
	"io"

	"github.com/moby/sys/user"
)

// GetPasswdPath returns the path of the system's passwd(5).
func GetPasswdPath() (string, error) { return user.GetPasswdPath() }

// GetPasswd opens the system's passwd(5).
func GetPasswd() (io.ReadCloser, error) { return user.GetPasswd() }

// GetGroupPath returns the path of the system's group(5).
func GetGroupPath() (string, error) { return user.GetGroupPath() }

// GetGroup opens the system's group(5).
func GetGroup() (io.ReadCloser, error) { return user.GetGroup() }

// CurrentUser finds the user of the calling process.
func CurrentUser() (User, error) { return user.CurrentUser() }

// CurrentGroup finds the group of the calling process.
func CurrentGroup() (Group, error) { return user.CurrentGroup() }

// LookupUser finds a user by name.
func LookupUser(username string) (User, error) { return user.LookupUser(username) }

// LookupUid finds a user by number.
func LookupUid(uid int) (User, error) { return user.LookupUid(uid) }

// LookupGroup finds a group by name.
func LookupGroup(groupname string) (Group, error) { return user.LookupGroup(groupname) }

// LookupGid finds a group by number.
func LookupGid(gid int) (Group, error) { return user.LookupGid(gid) }
