package validate

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// maxLayers is the number of lower layers that the kernel takes, OVL_MAX_STACK.
const maxLayers = 500

const overlayField = "Overlay"

func overlay(c *configs.Config) error {
	o := c.Overlay
	if c.Rootfs != "" {
		return invalid("Rootfs", c.Rootfs, errors.New("must be empty, as the root is made of Overlay"))
	}
	if !c.Namespaces.Creates(configs.NEWNS) {
		return fmt.Errorf("%s needs a new %s namespace, with which it ends", overlayField, configs.NEWNS)
	}
	if len(o.Lower) == 0 {
		return errors.New("Overlay.Lower is empty")
	}
	if len(o.Lower) > maxLayers {
		return fmt.Errorf("Overlay.Lower has %d layers, and the kernel takes %d", len(o.Lower), maxLayers)
	}
	if err := layers(o.Lower); err != nil {
		return err
	}
	if err := upper(o); err != nil {
		return err
	}
	return overlayData("Overlay.Data", o.Data)
}

// layers checks lower layers: overlayfs takes none that is within another one.
func layers(list []string) error {
	index := make(map[string]int, len(list))
	for i, layer := range list {
		field := fmt.Sprintf("Overlay.Lower[%d]", i)
		if err := hostDirectory(field, layer); err != nil {
			return err
		}
		if first, ok := index[layer]; ok {
			return invalid(field, layer, fmt.Errorf("is Lower[%d], too", first))
		}
		index[layer] = i
	}
	for i, layer := range list {
		for dir := layer; dir != "/"; {
			dir = filepath.Dir(dir)
			if other, ok := index[dir]; ok {
				return invalid(fmt.Sprintf("Overlay.Lower[%d]", i), layer, fmt.Errorf("is within Lower[%d]", other))
			}
		}
	}
	return nil
}

// upper checks where an overlay's changes are to go.
func upper(o *configs.Overlay) error {
	if o.Memory != 0 {
		if o.Upper != "" || o.Work != "" {
			return fmt.Errorf("%s has both Memory and Upper or Work, and its changes go to one place", overlayField)
		}
		return inRange("Overlay.Memory", o.Memory, 1, math.MaxInt64)
	}
	if o.Upper == "" && o.Work == "" {
		return fmt.Errorf("%s has neither Upper and Work nor Memory, and mount points must be made somewhere", overlayField)
	}
	if err := hostDirectory("Overlay.Upper", o.Upper); err != nil {
		return err
	}
	if err := hostDirectory("Overlay.Work", o.Work); err != nil {
		return err
	}
	if within(o.Upper, o.Work) || within(o.Work, o.Upper) {
		return invalid("Overlay.Work", o.Work, errors.New("and Upper are not beside each other"))
	}
	for i, layer := range o.Lower {
		for _, dir := range []struct{ field, path string }{{"Overlay.Upper", o.Upper}, {"Overlay.Work", o.Work}} {
			if within(layer, dir.path) || within(dir.path, layer) {
				return invalid(dir.field, dir.path, fmt.Errorf("overlaps Lower[%d] %q", i, layer))
			}
		}
	}
	return nil
}

// within tells whether a clean path is dir, or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// overlayData refuses options that other fields are for.
func overlayData(field, data string) error {
	if err := noNUL(field, data); err != nil {
		return err
	}
	for option := range strings.SplitSeq(data, ",") {
		key, _, _ := strings.Cut(option, "=")
		switch key {
		case "lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir", "userxattr":
			return invalid(field, data, fmt.Errorf("has the option %s, which is the library's to set", key))
		}
	}
	return nil
}

// rootIDs checks the id mapping of the root file system.
func rootIDs(c *configs.Config) error {
	const field = "RootIDMapping"
	switch c.RootIDMapping {
	case configs.IDMapNone:
		return nil
	case configs.IDMapMount:
	case configs.IDMapRecursive:
		if c.Overlay != nil {
			return invalid(field, string(c.RootIDMapping), errors.New(`is not for an Overlay, whose layers have nothing mounted below: that would be "idmap"`))
		}
	default:
		return invalid(field, string(c.RootIDMapping), errors.New(`is none of "", "idmap" and "ridmap"`))
	}
	if err := needsMounts(c, field); err != nil {
		return err
	}
	return needs(c, configs.NEWUSER, field)
}
