package apparmor

import "github.com/libcontainer/libcontainer/internal/apparmor"

// IsEnabled tells whether AppArmor is enabled.
func IsEnabled() bool { return apparmor.Enabled() }

// ApplyProfile has the calling thread's next execve(2) put the program under a profile.
// The goroutine must be locked to the thread. An empty name does nothing.
func ApplyProfile(name string) error {
	if name == "" {
		return nil
	}
	if !apparmor.Enabled() {
		return ErrApparmorNotEnabled
	}
	return apparmor.SetOnExec(name)
}
