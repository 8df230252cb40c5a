package label

import (
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
	"github.com/opencontainers/selinux/go-selinux/label"
)

// ErrIncompatibleLabel says that the options z and Z come together.
var ErrIncompatibleLabel = label.ErrIncompatibleLabel

// Init looks whether SELinux is enabled.
func Init() { label.Init() }

// InitLabels gives a process label and a mount label, with categories that nobody else
// has, changed by options such as "level:s0:c1,c2". With "disable" there are none.
func InitLabels(options []string) (string, string, error) { return label.InitLabels(options) }

// GenLabels is InitLabels with the options in one string.
func GenLabels(options string) (string, string, error) {
	return label.InitLabels(strings.Fields(options))
}

// FormatMountLabel adds a label to the options of a mount.
func FormatMountLabel(src, mountLabel string) string { return label.FormatMountLabel(src, mountLabel) }

// SetProcessLabel labels the program that the calling thread executes next.
func SetProcessLabel(processLabel string) error {
	if processLabel == "" {
		return nil
	}
	return selinux.SetExecLabel(processLabel)
}

// GetProcessLabel returns what SetProcessLabel has set, or nothing.
func GetProcessLabel() (string, error) { return selinux.ExecLabel() }

// GetPidLabel returns the label of a process.
func GetPidLabel(pid int) (string, error) { return selinux.PidLabel(pid) }

// SetFileLabel labels a file.
func SetFileLabel(path string, fileLabel string) error { return label.SetFileLabel(path, fileLabel) }

// SetFileCreateLabel labels the files that the calling thread makes.
func SetFileCreateLabel(fileLabel string) error { return label.SetFileCreateLabel(fileLabel) }

// Relabel labels a file, or all files of a directory, for one container or shared by all.
func Relabel(path string, fileLabel string, shared bool) error {
	return label.Relabel(path, fileLabel, shared)
}

// RelabelNeeded tells whether z or Z is among the options.
func RelabelNeeded(options string) bool { return label.RelabelNeeded(options) }

// IsShared tells whether z is among the options.
func IsShared(options string) bool { return label.IsShared(options) }

// Validate refuses options that have z and Z.
func Validate(options string) error { return label.Validate(options) }

// ReserveLabel keeps the categories of a label from being given to another container.
func ReserveLabel(processLabel string) error {
	// That they are reserved already was no error.
	_ = selinux.ReserveLabelV2(processLabel)
	return nil
}

// UnreserveLabel takes ReserveLabel back.
func UnreserveLabel(processLabel string) error {
	selinux.ReleaseLabel(processLabel)
	return nil
}

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
