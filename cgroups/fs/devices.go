//go:build linux

package fs

import (
	"errors"
	"fmt"
	"maps"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	devicerules "github.com/libcontainer/libcontainer/cgroups/devices"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	devicesList  = "devices.list"
	devicesAllow = "devices.allow"
	devicesDeny  = "devices.deny"
)

// devices is the controller of access to device nodes, see
// cgroup-v1/devices.rst. The rules are those of package cgroups/devices.
//
// A devices cgroup either forbids all but a list of exceptions, or allows all
// but a list. Writing "a" to devices.deny or devices.allow changes between the
// two and clears the list. Doing that to a container that is running would take
// its devices away for a moment, or give it forbidden ones, and the kernel
// refuses it (EINVAL) if the container has sub-cgroups. So what is written is
// only the difference to what is in force:
//
//   - A cgroup that forbids all but a list shows that list in devices.list.
//     New exceptions are added first, then old ones taken away.
//   - A cgroup that allows all but a list shows only that it does. The list is
//     known to a Manager that has made the cgroup. Otherwise "a" is written, and
//     then the exceptions, with a moment in between in which they are not in
//     force.
//   - A change between the two, as when the limits of a new container are set
//     first, is "a" and then the exceptions.
type devices struct {
	state *deviceState
}

// deviceState is what is known about a devices cgroup that allows all devices
// but some.
type deviceState struct {
	// known says that denied is all that the cgroup itself denies.
	known  bool
	denied devicerules.List
}

func (devices) key() string { return "devices" }

func (devices) asks(r *configs.Resources) (request, string) {
	switch {
	case r.SkipDevices:
		return nothing, ""
	case len(r.DeviceRules) > 0:
		return required, "DeviceRules"
	case !r.AllowAllDevices:
		return required, "AllowedDevices"
	case len(r.DeniedDevices) > 0:
		return required, "DeniedDevices"
	}
	// Without the controller all devices are allowed.
	return welcome, "AllowAllDevices"
}

func (c devices) set(s *setter, r *configs.Resources) error {
	wanted, field, err := deviceRules(r)
	if err != nil {
		return err
	}
	present, err := readDeviceRules(s.Dir)
	if err != nil {
		return s.Explain(field, devicesList, err)
	}
	w := deviceWriter{dir: s.Dir}
	defer w.close()
	if wanted.AllowAll {
		err = c.allowAll(&w, wanted.Exceptions, present)
	} else {
		err = c.allowOnly(&w, wanted.Exceptions, present)
	}
	if err != nil {
		return s.Explain(field, "devices", err)
	}
	return nil
}

// deviceRules returns the rules that r asks for, and by which field.
func deviceRules(r *configs.Resources) (rules devicerules.Rules, field string, err error) {
	if len(r.DeviceRules) == 0 {
		field = "AllowedDevices"
		if r.AllowAllDevices {
			field = "DeniedDevices"
		}
		rules, err = devicerules.New(r.AllowAllDevices, r.AllowedDevices, r.DeniedDevices)
		return rules, field, err
	}
	field = "DeviceRules"
	ordered, err := devicerules.NewOrdered(r.AllowAllDevices, r.DeviceRules)
	if err != nil {
		return rules, field, err
	}
	rules, ok := ordered.WithoutOrder()
	if !ok {
		err = fmt.Errorf("%s: the lists of cgroup v1 have no order, and cannot allow the same as these rules: %w", field, errors.ErrUnsupported)
	}
	return rules, field, err
}

// stats does nothing: devices has no statistics.
func (devices) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }

// allowAll makes the cgroup allow all but denied.
func (c devices) allowAll(w *deviceWriter, denied devicerules.List, present devicerules.Rules) error {
	known := c.state.known && present.AllowAll
	// What is in force is uncertain until all is written.
	c.state.known = false
	before := c.state.denied
	if !known {
		before = nil
		if err := w.write(devicesAllow, "a"); err != nil {
			return err
		}
	}
	if err := w.writeAll(devicesDeny, denied.Without(before)); err != nil {
		return err
	}
	if err := w.writeAll(devicesAllow, before.Without(denied)); err != nil {
		return err
	}
	*c.state = deviceState{known: true, denied: denied}
	return nil
}

// allowOnly makes the cgroup forbid all but allowed. If that fails, present is put
// in force again, unless it allows all.
func (c devices) allowOnly(w *deviceWriter, allowed devicerules.List, present devicerules.Rules) error {
	*c.state = deviceState{}
	if present.AllowAll {
		if err := w.write(devicesDeny, "a"); err != nil {
			return err
		}
		return w.writeAll(devicesAllow, allowed)
	}
	err := w.change(present.Exceptions, allowed)
	if err == nil {
		return nil
	}
	partial, readErr := readDeviceRules(w.dir)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return errors.Join(err, w.change(partial.Exceptions, present.Exceptions))
}

// deviceWriter writes to devices.allow and devices.deny, each opened once.
type deviceWriter struct {
	dir   *cgdir.Dir
	files map[string]*cgdir.File
}

func (w *deviceWriter) write(file, rule string) error {
	f, ok := w.files[file]
	if !ok {
		var err error
		if f, err = w.dir.OpenFile(file, unix.O_WRONLY); err != nil {
			return err
		}
		if w.files == nil {
			w.files = make(map[string]*cgdir.File)
		}
		w.files[file] = f
	}
	err := f.Write(rule + "\n")
	if rule == "a" && errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w (the kernel refuses this while there are sub-cgroups)", err)
	}
	return err
}

func (w *deviceWriter) writeAll(file string, rules devicerules.List) error {
	for _, rule := range rules.Lines() {
		if err := w.write(file, rule); err != nil {
			return err
		}
	}
	return nil
}

// change brings a list of allowed devices from one state to another, without a
// moment in which a device that is in both is not allowed.
func (w *deviceWriter) change(from, to devicerules.List) error {
	if err := w.writeAll(devicesAllow, to.Without(from)); err != nil {
		return err
	}
	return w.writeAll(devicesDeny, from.Without(to))
}

func (w *deviceWriter) close() {
	for f := range maps.Values(w.files) {
		f.Close()
	}
}

// readDeviceRules reads devices.list.
func readDeviceRules(dir *cgdir.Dir) (devicerules.Rules, error) {
	text, err := dir.ReadFile(devicesList)
	if err != nil {
		return devicerules.Rules{}, err
	}
	rules, err := devicerules.ParseList(text)
	if err != nil {
		return devicerules.Rules{}, fmt.Errorf("%s: %w", dir.Path(devicesList), err)
	}
	return rules, nil
}
