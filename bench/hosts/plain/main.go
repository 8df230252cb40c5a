// Plain is a host program that embeds the library and nothing else.
package main

import "github.com/libcontainer/libcontainer/bench/internal/lives"

func main() { lives.Serve() }
