package validate

import (
	"errors"

	"github.com/libcontainer/libcontainer/configs"
)

// Validator decides whether a configuration can be used.
type Validator interface {
	Validate(*configs.Config) error
}

// ConfigValidator is the Validator of this package. Its zero value is ready, and
// it is safe for concurrent use.
type ConfigValidator struct {
}

// New returns a [ConfigValidator].
func New() Validator {
	return &ConfigValidator{}
}

// Validate returns the first thing that is wrong with config, or nil. The error
// names the field, the index in a list and the value.
func (v *ConfigValidator) Validate(config *configs.Config) error {
	if config == nil {
		return errors.New("the configuration is nil")
	}
	for _, check := range checks() {
		if err := check(config); err != nil {
			return err
		}
	}
	return nil
}

// checks are in the order of what a reader would want to hear about first: a
// missing namespace explains many other errors.
func checks() []func(*configs.Config) error {
	return []func(*configs.Config) error{
		namespaces,
		timeOffsets,
		idPool,
		idMappings,
		rootfs,
		bundle,
		utsNames,
		hiddenPaths,
		mounts,
		devices,
		sysctls,
		process,
		rlimits,
		capabilities,
		netDevices,
		networks,
		routes,
		cgroup,
		intelRdt,
		seccomp,
		hooks,
	}
}
