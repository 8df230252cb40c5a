// Package apparmor is what the classic library had for programs that put themselves under
// a profile of AppArmor.
//
// Deprecated: a container's processes get Config.AppArmorProfile, or that of their
// Process; Create and Start refuse it where AppArmor is not enabled.
package apparmor

import "errors"

// ErrApparmorNotEnabled says that there is a profile, and no AppArmor.
var ErrApparmorNotEnabled = errors.New("apparmor: config provided but apparmor not supported")
