// The host's side: security labels of AppArmor and SELinux.

package libcontainer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
	selinuxlabel "github.com/opencontainers/selinux/go-selinux/label"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/apparmor"
)

// unconfined is AppArmor's name for having no profile.
const unconfined = "unconfined"

var (
	errNoAppArmor = errors.New("AppArmor is not enabled on this machine")
	errNoSELinux  = errors.New("SELinux is not enabled on this machine")
)

// checkLabels refuses labels that this machine would not enforce: a container must
// never run with less isolation than was asked for.
func checkLabels(config *configs.Config) error {
	if err := checkProcessLabels(config.AppArmorProfile, config.ProcessLabel); err != nil {
		return err
	}
	if config.MountLabel != "" && !selinux.GetEnabled() {
		return fmt.Errorf("MountLabel %q: %w", config.MountLabel, errNoSELinux)
	}
	for i, m := range config.Mounts {
		switch {
		case m.Relabel == "":
		case config.MountLabel == "":
			return fmt.Errorf("Mounts[%d].Relabel %q: there is no MountLabel", i, m.Relabel)
		case !m.IsBind():
			return fmt.Errorf("Mounts[%d].Relabel %q: only the source of a bind mount can be relabeled", i, m.Relabel)
		}
	}
	return nil
}

func checkProcessLabels(profile, label string) error {
	if profile != "" && profile != unconfined && !apparmor.Enabled() {
		return fmt.Errorf("AppArmorProfile %q: %w", profile, errNoAppArmor)
	}
	if label != "" && !selinux.GetEnabled() {
		return fmt.Errorf("process label %q: %w", label, errNoSELinux)
	}
	return nil
}

// relabel gives the sources of bind mounts the container's label, before anything
// is mounted.
func (st *starting) relabel() error {
	for i, m := range st.config.Mounts {
		if m.Relabel == "" {
			continue
		}
		if err := selinuxlabel.Relabel(m.Source, st.config.MountLabel, m.Relabel == "z"); err != nil {
			return fmt.Errorf("relabel source %s of Mounts[%d] to %q: %w", m.Source, i, st.config.MountLabel, err)
		}
	}
	return nil
}

// processLabels gives the labels of the process: its own, or the container's.
func (st *starting) processLabels() (profile, label string) {
	if st.process.Unlabeled {
		return "", ""
	}
	profile, label = st.config.AppArmorProfile, st.config.ProcessLabel
	if st.process.AppArmorProfile != "" {
		profile = st.process.AppArmorProfile
	}
	if st.process.Label != "" {
		label = st.process.Label
	}
	if profile == unconfined && !apparmor.Enabled() {
		profile = ""
	}
	return profile, label
}

// labeled are the file systems that have no labels of their own stored, so that
// a mount of them can be given one.
var labeled = map[string]bool{"tmpfs": true, "ramfs": true, "devpts": true, "mqueue": true}

// withMountLabels gives the configuration in which mounts of such file systems have the
// container's label.
func (st *starting) withMountLabels() *configs.Config {
	label := st.config.MountLabel
	if label == "" {
		return st.config
	}
	c := *st.config
	c.Mounts = make([]*configs.Mount, len(st.config.Mounts))
	for i, mount := range st.config.Mounts {
		m := *mount
		if !m.IsBind() && labeled[m.Device] && !strings.Contains(m.Data, "context=") {
			if m.Data != "" {
				m.Data += ","
			}
			m.Data += `context="` + label + `"`
		}
		c.Mounts[i] = &m
	}
	return &c
}
