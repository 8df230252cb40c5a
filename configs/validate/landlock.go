package validate

import (
	"errors"
	"fmt"
	"path"

	"github.com/libcontainer/libcontainer/configs"
)

// landlock checks what the kernel would refuse without saying why.
func landlock(l *configs.Landlock) error {
	if l == nil {
		return nil
	}
	if unknown := l.Denied &^ configs.LandlockAll; unknown != 0 {
		return invalid("Landlock.Denied", l.Denied, fmt.Errorf("has the unknown rights %#x", uint64(unknown)))
	}
	for i, p := range l.Paths {
		field := fmt.Sprintf("Landlock.Paths[%d]", i)
		if !path.IsAbs(p.Path) || path.Clean(p.Path) != p.Path {
			return invalid(field+".Path", p.Path, errors.New("is not an absolute and clean path"))
		}
		if err := filled(field+".Path", p.Path); err != nil {
			return err
		}
		switch unknown := p.Access &^ configs.LandlockAll; {
		case unknown != 0:
			return invalid(field+".Access", p.Access, fmt.Errorf("has the unknown rights %#x", uint64(unknown)))
		case p.Access == 0:
			return fmt.Errorf("%s.Access allows nothing", field)
		case p.Access&^l.DeniedAccess() != 0:
			return invalid(field+".Access", p.Access, fmt.Errorf("allows the rights %#x, which Landlock.Denied does not deny",
				uint64(p.Access&^l.DeniedAccess())))
		}
	}
	return nil
}
