// Big is the plain host program with very much more in it: all of staticcheck, which this repository
// has as a tool already, with the packages that it stands on, for code and init functions; and tens of
// megabytes of data, for size, as a program has that imports the client of a cloud. It is a module of
// its own, so that the library's does not need staticcheck.
package main

import (
	"fmt"
	"os"

	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

const ballastSize = 48 << 20

// ballast is in the file because it is not all zero.
var ballast = [ballastSize]byte{0: 1, ballastSize - 1: 1}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-checks" { // so that the linker keeps all that
		checks := len(simple.Analyzers) + len(staticcheck.Analyzers) + len(stylecheck.Analyzers)
		fmt.Println(checks, len(os.Args[1])+int(ballast[checks]))
		return
	}
	lives.Serve()
}
