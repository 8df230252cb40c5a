// Server runs programs that nobody trusts for whoever asks by HTTP, each in a sandbox of its own:
//
//	server [-listen ADDRESS] [-state DIR] [-parallel N] /path/to/rootfs
//	curl -d '{"args": ["sh", "-c", "echo hello; cat"], "stdin": "world", "seconds": 2}' localhost:8080/run
//
// The answer has what the program has written, its exit code, why it was killed if it was, and what
// it has used. Who asks for more than N at a time waits.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
)

const (
	maxBytes   = 1 << 20 // of a request, and of what a program writes
	maxSeconds = 60
)

type request struct {
	Args    []string `json:"args"`
	Stdin   string   `json:"stdin"`
	Seconds float64  `json:"seconds"` // 5 if it is 0
}

type answer struct {
	ExitCode   int     `json:"exit_code"`
	Stdout     string  `json:"stdout"`
	Stderr     string  `json:"stderr"`
	Killed     string  `json:"killed,omitempty"` // why
	OOMKilled  bool    `json:"oom_killed,omitempty"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakMemory uint64  `json:"peak_memory"` // bytes
}

type server struct {
	runtime *libcontainer.Runtime
	rootfs  string
	slots   chan struct{}
	count   atomic.Int64
}

func main() {
	listen := flag.String("listen", "localhost:8080", "`address`")
	state := flag.String("state", "/run/sandbox", "`directory` of the containers' state")
	parallel := flag.Int("parallel", 8, "`number` of programs at a time")
	flag.Parse()
	if flag.NArg() != 1 || *parallel < 1 {
		log.Fatal("usage: server [-listen ADDRESS] [-state DIR] [-parallel N] /path/to/rootfs")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *state, *parallel, flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listen, state string, parallel int, rootfs string) error {
	rootfs, err := utils.ResolveRootfs(rootfs)
	if err != nil {
		return err
	}
	runtime, err := libcontainer.Open(state, libcontainer.OnWarning(func(err error) { log.Print("warning: ", err) }))
	if err != nil {
		return err
	}
	s := &server{runtime: runtime, rootfs: rootfs, slots: make(chan struct{}, parallel)}
	http.HandleFunc("POST /run", s.run)
	h := &http.Server{Addr: listen, ReadHeaderTimeout: 10 * time.Second}
	closed := make(chan error, 1)
	context.AfterFunc(ctx, func() { closed <- h.Shutdown(context.Background()) }) // waits for those that run
	if err := h.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-closed
}

func (s *server) run(w http.ResponseWriter, r *http.Request) {
	var asked request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBytes)).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(asked.Args) == 0 || asked.Seconds < 0 || asked.Seconds > maxSeconds {
		http.Error(w, fmt.Sprintf("args is empty, or seconds is not between 0 and %d", maxSeconds), http.StatusBadRequest)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	}
	said, err := s.sandbox(r.Context(), asked)
	switch {
	case errors.Is(err, libcontainer.ConfigInvalid):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		log.Print(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(said)
	}
}

// sandbox runs a program until its end, its deadline, or that of the request.
func (s *server) sandbox(ctx context.Context, asked request) (said *answer, err error) {
	config := configs.Sandbox()
	config.Rootfs = s.rootfs
	container, err := s.runtime.Create(ctx, fmt.Sprintf("run-%d-%d", os.Getpid(), s.count.Add(1)), config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()
	var stdout, stderr bytes.Buffer
	result, err := container.Run(ctx, &libcontainer.Process{
		Args: asked.Args, Env: []string{"PATH=/usr/bin:/bin", "HOME=/tmp"}, User: "1000:1000", Cwd: "/tmp",
		Stdin: strings.NewReader(asked.Stdin), Stdout: &stdout, Stderr: &stderr,
		Limits: &libcontainer.Limits{Wall: time.Duration(cmp.Or(asked.Seconds, 5) * float64(time.Second)), Output: maxBytes},
	})
	if err != nil {
		return nil, err
	}
	said = &answer{ExitCode: result.ExitCode, Stdout: stdout.String(), Stderr: stderr.String(), OOMKilled: result.OOMKilled,
		Seconds: result.Wall.Seconds(), CPUSeconds: result.CPU.Seconds(), PeakMemory: result.PeakMemory}
	if result.Killed != nil {
		said.Killed = result.Killed.Error()
	}
	return said, nil
}
