// Package nap says how long the init function of package first sleeps, for those who must not import
// that one.
package nap

import "time"

// Length is how long.
const Length = 50 * time.Millisecond
