//world:any

package integration

import (
	"bytes"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// zombie tells whether /proc/[pid]/stat is that of a process that has ended.
func zombie(stat []byte) bool {
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && i+2 < len(stat) && (stat[i+2] == 'Z' || stat[i+2] == 'X')
}
