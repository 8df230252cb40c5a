package validate

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// utsNameMax is the longest name that sethostname(2) and setdomainname(2) take.
const utsNameMax = 64

func utsNames(c *configs.Config) error {
	if err := utsName(c, "Hostname", c.Hostname); err != nil {
		return err
	}
	return utsName(c, "Domainname", c.Domainname)
}

func utsName(c *configs.Config, field, value string) error {
	if value == "" {
		return nil
	}
	if err := needsOwn(c, configs.NEWUTS, field); err != nil {
		return err
	}
	if err := line(field, value); err != nil {
		return err
	}
	if len(value) > utsNameMax {
		return invalid(field, value, fmt.Errorf("has %d bytes, and the kernel takes %d", len(value), utsNameMax))
	}
	return nil
}
