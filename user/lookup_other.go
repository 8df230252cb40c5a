//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package user

import "io"

// GetPasswdPath returns ErrUnsupported, as all functions that look into the system's files.
func GetPasswdPath() (string, error) { return "", ErrUnsupported }

// GetPasswd returns ErrUnsupported.
func GetPasswd() (io.ReadCloser, error) { return nil, ErrUnsupported }

// GetGroupPath returns ErrUnsupported.
func GetGroupPath() (string, error) { return "", ErrUnsupported }

// GetGroup returns ErrUnsupported.
func GetGroup() (io.ReadCloser, error) { return nil, ErrUnsupported }

// CurrentUser returns ErrUnsupported.
func CurrentUser() (User, error) { return User{}, ErrUnsupported }

// CurrentGroup returns ErrUnsupported.
func CurrentGroup() (Group, error) { return Group{}, ErrUnsupported }

// LookupUser returns ErrUnsupported.
func LookupUser(string) (User, error) { return User{}, ErrUnsupported }

// LookupUid returns ErrUnsupported.
func LookupUid(int) (User, error) { return User{}, ErrUnsupported }

// LookupGroup returns ErrUnsupported.
func LookupGroup(string) (Group, error) { return Group{}, ErrUnsupported }

// LookupGid returns ErrUnsupported.
func LookupGid(int) (Group, error) { return Group{}, ErrUnsupported }
