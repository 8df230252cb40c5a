package linux

import (
	"strings"
	"sync"

	"github.com/moby/sys/capability"
)

var capabilities = sync.OnceValue(func() (names Names) {
	for _, c := range capability.ListKnown() {
		names = append(names, Name{"CAP_" + strings.ToUpper(c.String()), uint64(c)})
	}
	return names
})

// Capabilities are those of capabilities(7), whatever kernel is at hand.
func Capabilities() Names { return capabilities() }
