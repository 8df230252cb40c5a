// Package first is a dependency that takes its time: 50 ms in its init function. Go initializes
// packages in the order of their paths, as far as imports allow, and this path is before those of
// bench/internal and nsenter: whatever of this program boots Go and comes to the library's own init
// function has slept first.
package first

import (
	"time"

	"github.com/libcontainer/libcontainer/bench/hosts/nap"
)

func init() { time.Sleep(nap.Length) }
