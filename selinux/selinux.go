// Package selinux is the classic library's name of github.com/opencontainers/selinux.
//
// Deprecated: use github.com/opencontainers/selinux/go-selinux.
package selinux

import "github.com/opencontainers/selinux/go-selinux"

// The modes of SELinux.
const (
	Enforcing  = selinux.Enforcing
	Permissive = selinux.Permissive
	Disabled   = selinux.Disabled
)

// SELinuxContext is a label by its parts: user, role, type and level.
type SELinuxContext map[string]string

// Get returns the label.
func (c SELinuxContext) Get() string { return selinux.Context(c).Get() }

// NewContext takes a label apart; the context of what is no label is empty.
func NewContext(scon string) SELinuxContext {
	context, err := selinux.NewContext(scon)
	if err != nil {
		return SELinuxContext{}
	}
	return SELinuxContext(context)
}

// SelinuxEnabled tells whether SELinux is enabled.
func SelinuxEnabled() bool { return selinux.GetEnabled() }

// SetDisabled has this program behave as without SELinux.
func SetDisabled() { selinux.SetDisabled() }

// SelinuxGetEnforce returns the mode that SELinux is in.
func SelinuxGetEnforce() int { return selinux.EnforceMode() }

// SelinuxSetEnforce sets the mode.
func SelinuxSetEnforce(mode int) error { return selinux.SetEnforceMode(mode) }

// SelinuxGetEnforceMode returns the mode that the machine boots in.
func SelinuxGetEnforceMode() int { return selinux.DefaultEnforceMode() }

// Setfilecon labels a file.
func Setfilecon(path string, scon string) error { return selinux.LsetFileLabel(path, scon) }

// Getfilecon returns the label of a file.
func Getfilecon(path string) (string, error) { return selinux.LfileLabel(path) }

// Setfscreatecon labels the files that the calling thread makes.
func Setfscreatecon(scon string) error { return selinux.SetFSCreateLabel(scon) }

// Getfscreatecon returns what Setfscreatecon has set.
func Getfscreatecon() (string, error) { return selinux.FSCreateLabel() }

// Getcon returns the label of the calling thread.
func Getcon() (string, error) { return selinux.CurrentLabel() }

// Getpidcon returns the label of a process.
func Getpidcon(pid int) (string, error) { return selinux.PidLabel(pid) }

// Setexeccon labels the program that the calling thread executes next.
func Setexeccon(scon string) error { return selinux.SetExecLabel(scon) }

// Getexeccon returns what Setexeccon has set.
func Getexeccon() (string, error) { return selinux.ExecLabel() }

// ReserveLabel keeps the categories of a label from being given to another container.
func ReserveLabel(scon string) {
	_ = selinux.ReserveLabelV2(scon) // that they are reserved already was no error
}

// FreeLxcContexts takes ReserveLabel back.
func FreeLxcContexts(scon string) { selinux.ReleaseLabel(scon) }

// SecurityCheckContext asks the kernel whether a label is one.
func SecurityCheckContext(val string) error { return selinux.SecurityCheckContext(val) }

// CopyLevel gives the label dest the level of src.
func CopyLevel(src, dest string) (string, error) { return selinux.CopyLevel(src, dest) }

// Chcon labels a file, or all of a directory.
func Chcon(fpath string, scon string, recurse bool) error { return selinux.Chcon(fpath, scon, recurse) }

// DupSecOpt gives the options by which another container gets the label src; none if it
// is no label.
func DupSecOpt(src string) []string {
	options, err := selinux.DupSecOpt(src)
	if err != nil {
		return nil
	}
	return options
}

// DisableSecOpt gives the option that disables labels.
func DisableSecOpt() []string { return selinux.DisableSecOpt() }
