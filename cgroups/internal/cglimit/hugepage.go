//go:build linux

package cglimit

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// CheckHugepage checks an entry of HugetlbLimit, called field, whose page size
// becomes a part of a file name.
func CheckHugepage(field string, limit *configs.HugepageLimit) error {
	if limit == nil {
		return fmt.Errorf("%s is nil", field)
	}
	if !cgread.IsPageSize(limit.Pagesize) {
		return fmt.Errorf("%s: page size %q is not a number with KB, MB or GB", field, limit.Pagesize)
	}
	return nil
}
