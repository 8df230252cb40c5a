// Program threads does what most Go programs do: threads, the poller, files.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

func main() {
	if err := work(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func work() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := listener.Accept()
		if err == nil {
			io.WriteString(conn, "hello")
			conn.Close()
		}
	})
	conn, err := net.DialTimeout("tcp", listener.Addr().String(), time.Second)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(conn)
	if err != nil || string(data) != "hello" {
		return fmt.Errorf("read %q: %w", data, err)
	}
	wg.Wait()
	if out, err := exec.Command("/bin/echo", "child").Output(); err != nil || string(out) != "child\n" {
		return fmt.Errorf("child wrote %q: %w", out, err)
	}
	return os.WriteFile("/tmp/file", data, 0o600)
}
