//go:build linux

package cgv2

import (
	"context"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/configs"
)

// setFreezerState brings the processes into the state that a configuration asks
// for, if it does.
func setFreezerState(s *setter, state configs.FreezerState) error {
	if state == configs.Undefined {
		return nil
	}
	old, err := s.Dir.ReadFile(cgfreeze.File)
	if err == nil {
		err = cgfreeze.Set(context.Background(), s.Dir, state)
	}
	if err != nil {
		return s.explain("Freezer", cgfreeze.File, err)
	}
	s.Record(cgfreeze.File, old)
	return nil
}
