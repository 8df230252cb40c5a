// Oldcriu is a criu that says it is version 3.17, and that all is well.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 2 || os.Args[len(os.Args)-2] != "swrk" {
		return nil // "check --feature NAME"
	}
	fd, err := strconv.Atoi(os.Args[len(os.Args)-1])
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<16)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return err
	}
	req := new(rpc.CriuReq)
	if err := req.UnmarshalVT(buf[:n]); err != nil {
		return err
	}
	yes := true
	resp := &rpc.CriuResp{Type: req.Type, Success: &yes}
	switch req.GetType() {
	case rpc.CriuReqType_VERSION:
		resp.Version = &rpc.CriuVersion{MajorNumber: proto.Int32(3), MinorNumber: proto.Int32(17)}
	case rpc.CriuReqType_FEATURE_CHECK:
		resp.Features = &rpc.CriuFeatures{MemTrack: &yes, LazyPages: &yes, PidfdStore: &yes}
	case rpc.CriuReqType_CHECK:
	default:
		return fmt.Errorf("an old criu was asked for %v", req.GetType())
	}
	data, err := resp.MarshalVT()
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, data)
	return err
}
