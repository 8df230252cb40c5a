// Package slow stands for what a big program initialises before anything else: its
// import path sorts before that of package nsenter. Whoever boots says so.
package slow

import "os"

func init() { os.Stderr.WriteString("a Go program boots\n") }
