// Package apparmor asks the kernel about AppArmor, see its document
// admin-guide/LSM/apparmor, and gives a thread a profile.
package apparmor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Enabled tells whether the module is on.
func Enabled() bool {
	text, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(string(text), "Y")
}

// SetOnExec has the calling thread's next execve(2) put the program under a profile.
func SetOnExec(profile string) error {
	// Only the thread itself may write the file, see proc_pid_attr(5).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f, err := os.OpenFile("/proc/thread-self/attr/apparmor/exec", os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) { // before Linux 5.8
		f, err = os.OpenFile("/proc/thread-self/attr/exec", os.O_WRONLY, 0)
	}
	if err == nil {
		_, err = f.WriteString("exec " + profile)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("set AppArmor profile %q: %w", profile, err)
	}
	return nil
}
