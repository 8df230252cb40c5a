//go:build !linux

package configs

import (
	"errors"
	"fmt"
)

func joinedMappings(path, file string) ([]IDMap, error) {
	return nil, fmt.Errorf("read %s of user namespace %s: %w", file, path, errors.ErrUnsupported)
}
