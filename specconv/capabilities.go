package specconv

import (
	"errors"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// granter tells why a capability, by its number, cannot be given. Bounding is about the
// bounding set, which can only get smaller.
type granter func(c capability.Cap, bounding bool) error

var (
	errNoCapability = errors.New("is not the name of a capability, such as CAP_CHOWN")
	errNewKernel    = errors.New("is not known to this kernel")
	errNotOwn       = errors.New("cannot be granted, since the calling process does not have it")
)

// newGranter looks at the kernel, and at the calling process, whose capabilities do not
// matter if the container has a user namespace: its processes have all in there.
func newGranter(config *configs.Config) granter {
	last, err := capability.LastCap()
	known := func(c capability.Cap) bool { return err != nil || c <= last }
	ownNamespace := config.Namespaces.Contains(configs.NEWUSER)
	var own capability.Capabilities
	if !ownNamespace {
		if own, err = capability.NewPid2(0); err == nil {
			err = own.Load()
		}
	}
	return func(c capability.Cap, bounding bool) error {
		which := capability.PERMITTED
		if bounding {
			which = capability.BOUNDING
		}
		switch {
		case !known(c):
			return errNewKernel
		case !ownNamespace && err == nil && !own.Get(which, c):
			return errNotOwn
		}
		return nil
	}
}

// capabilities gives those of the five sets that can be granted, and warns of the others.
// The kernel's rules of what a set may have are those of capset(2) and PR_CAP_AMBIENT.
func (c *converter) capabilities(given *specs.LinuxCapabilities) *configs.CapabilitySets {
	if given == nil {
		return &configs.CapabilitySets{}
	}
	grant := c.granter(c.config)
	const path = "process.capabilities."
	bounding := c.granted(path+"bounding", given.Bounding, grant, true)
	permitted := c.granted(path+"permitted", given.Permitted, grant, false)
	effective := c.granted(path+"effective", given.Effective, grant, false)
	inheritable := c.granted(path+"inheritable", given.Inheritable, grant, false)
	ambient := c.granted(path+"ambient", given.Ambient, grant, false)
	inheritable = c.within(path+"inheritable", inheritable, "bounding", bounding)
	ambient = c.within(path+"ambient", ambient, "permitted", permitted)
	return &configs.CapabilitySets{
		Bounding:    bounding,
		Permitted:   permitted,
		Effective:   c.within(path+"effective", effective, "permitted", permitted),
		Inheritable: inheritable,
		Ambient:     c.within(path+"ambient", ambient, "inheritable", inheritable),
	}
}

func (c *converter) granted(path string, names []string, grant granter, bounding bool) (list []string) {
	for i, name := range names {
		value, ok := linux.Capabilities().Value(name)
		err := errNoCapability
		if ok {
			err = grant(capability.Cap(value), bounding)
		}
		if err != nil {
			c.warn(index(path, i), "%q %w", name, err)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// within takes out of a set what the kernel would not let be in it without another one. All of
// that is one warning: some engines fill the ambient set and leave the inheritable one empty.
func (c *converter) within(path string, names []string, other string, in []string) (list []string) {
	var without []string
	for _, name := range names {
		if slices.Contains(in, name) {
			list = append(list, name)
		} else {
			without = append(without, name)
		}
	}
	if len(without) > 0 {
		c.warn(path, "%s cannot be granted, since not in the %s set", strings.Join(without, ", "), other)
	}
	return list
}
