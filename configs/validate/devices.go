package validate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// The kernel's device numbers have 12 bits of major and 20 bits of minor, see
// MINORBITS in include/linux/kdev_t.h. mknod(2) cuts off what is beyond.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// devices checks the nodes that are created in the container.
func devices(c *configs.Config) error {
	for i, d := range c.Devices {
		field := fmt.Sprintf("Devices[%d]", i)
		if d == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := deviceNode(field, d); err != nil {
			return err
		}
	}
	return nil
}

func deviceNode(field string, d *configs.Device) error {
	if err := deviceType(field, d.Type, "cbup"); err != nil {
		return err
	}
	if err := absolutePath(field+".Path", d.Path); err != nil {
		return err
	}
	if err := notRoot(field+".Path", d.Path); err != nil {
		return err
	}
	if err := permissions(field, d.Permissions); err != nil {
		return err
	}
	if d.Type == 'p' {
		return nil
	}
	return deviceNumbers(field, d.Major, d.Minor, 0)
}

// deviceRules checks the rules of a device cgroup.
func deviceRules(field string, rules []*configs.Device) error {
	for i, d := range rules {
		item := fmt.Sprintf("%s[%d]", field, i)
		if d == nil {
			return fmt.Errorf("%s %w", item, errNil)
		}
		if err := deviceRule(item, d); err != nil {
			return err
		}
	}
	return nil
}

func deviceRule(field string, d *configs.Device) error {
	if err := deviceType(field, d.Type, "abc"); err != nil {
		return err
	}
	// A rule for all devices is about all accesses, too.
	if d.Permissions == "" && d.Type != 'a' {
		return invalid(field+".Permissions", d.Permissions, errEmpty)
	}
	if err := permissions(field, d.Permissions); err != nil {
		return err
	}
	return deviceNumbers(field, d.Major, d.Minor, configs.Wildcard)
}

// orderedDeviceRules checks rules that have an order.
func orderedDeviceRules(field string, rules []*configs.DeviceRule) error {
	for i, r := range rules {
		of := fmt.Sprintf("%s[%d]", field, i)
		if r == nil {
			return fmt.Errorf("%s %w", of, errNil)
		}
		if r.Permissions == "" {
			return invalid(of+".Permissions", r.Permissions, errEmpty)
		}
		d := &configs.Device{Type: r.Type, Major: r.Major, Minor: r.Minor, Permissions: r.Permissions}
		if err := deviceRule(of, d); err != nil {
			return err
		}
	}
	return nil
}

func deviceType(field string, value rune, known string) error {
	if !strings.ContainsRune(known, value) {
		return fmt.Errorf("%s.Type %q is not one of %q", field, value, known)
	}
	return nil
}

func permissions(field, value string) error {
	if strings.Trim(value, "rwm") != "" {
		return invalid(field+".Permissions", value, errors.New(`has other letters than "rwm"`))
	}
	return nil
}

func deviceNumbers(field string, major, minor, low int64) error {
	if err := inRange(field+".Major", major, low, maxMajor); err != nil {
		return err
	}
	return inRange(field+".Minor", minor, low, maxMinor)
}
