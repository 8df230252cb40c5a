// Notifies tells the service manager that it is ready, see sd_notify(3), and stays.
package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

func main() {
	conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = conn.Write([]byte("STATUS=nearly"))
	}
	if err == nil {
		_, err = conn.Write([]byte("STATUS=there\nREADY=1"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = syscall.Pause()
}
