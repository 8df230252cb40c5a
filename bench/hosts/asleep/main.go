// Asleep is the plain host program with a dependency that sleeps before main begins.
package main

import (
	_ "github.com/libcontainer/libcontainer/bench/hosts/first"
	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

func main() { lives.Serve() }
