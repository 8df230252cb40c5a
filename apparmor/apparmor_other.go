//go:build !linux

package apparmor

// IsEnabled returns false: AppArmor is Linux's.
func IsEnabled() bool { return false }

// ApplyProfile fails with ErrApparmorNotEnabled, unless the name is empty.
func ApplyProfile(name string) error {
	if name == "" {
		return nil
	}
	return ErrApparmorNotEnabled
}
