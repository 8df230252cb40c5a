// Executor runs the tasks of a scheduler on one machine, and tells of them by HTTP on a unix socket:
//
//	executor [-state DIR] /path/to/rootfs
//	curl --unix-socket DIR/socket -X PUT host/tasks/web -d '{"args": ["httpd", "-f"], "memory_mib": 64, "cpus": 0.5}'
//
// GET /tasks/web tells what it was asked for and what it uses, GET /tasks/web/wait how it ended,
// POST /tasks/web/exec runs a further program, /tasks/web/stop?grace=5s ends it, DELETE removes it.
// The tasks do not need the executor: kill it and start it again, and it knows them all. They write to
// files, DIR/NAME.log; what they were asked for is kept with their containers.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
)

type task struct {
	Args   []string `json:"args"`
	Memory int64    `json:"memory_mib,omitempty"`
	CPUs   float64  `json:"cpus,omitempty"`
}

func (t task) process(out io.Writer) *libcontainer.Process {
	return &libcontainer.Process{Args: t.Args, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: out, Stderr: out}
}

type executor struct {
	runtime     *libcontainer.Runtime
	dir, rootfs string
}

func main() {
	state := flag.String("state", "/var/lib/executor", "`directory` of state and output, and of the socket")
	flag.Parse()
	rootfs, err := utils.ResolveRootfs(flag.Arg(0))
	runtime, err2 := libcontainer.Open(filepath.Join(*state, "containers"))
	name := filepath.Join(*state, "socket")
	_ = os.Remove(name) // of one that was killed
	socket, err3 := net.Listen("unix", name)
	if err := errors.Join(err, err2, err3); err != nil {
		log.Fatal(err)
	}
	e := &executor{runtime, *state, rootfs}
	http.HandleFunc("PUT /tasks/{name}", func(w http.ResponseWriter, r *http.Request) { reply(w, nil, e.start(r)) })
	http.HandleFunc("GET /tasks/{name}", e.with(inspect))
	http.HandleFunc("GET /tasks/{name}/wait", e.with(wait))
	http.HandleFunc("POST /tasks/{name}/stop", e.with(stop))
	http.HandleFunc("POST /tasks/{name}/exec", e.with(exec))
	http.HandleFunc("DELETE /tasks/{name}", e.with(destroy))
	log.Fatal(http.Serve(socket, nil))
}

// with finds the task's container, whoever has started it, and answers with what a call gives.
func (e *executor) with(call func(*http.Request, *libcontainer.Instance) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := e.runtime.Load(r.Context(), r.PathValue("name"))
		if err != nil {
			reply(w, nil, err)
			return
		}
		answer, err := call(r, c)
		reply(w, answer, err)
	}
}

func reply(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (e *executor) start(r *http.Request) error {
	var t task
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		return err
	}
	record, _ := json.Marshal(t)
	config := configs.Default()
	config.Rootfs, config.Readonlyfs = e.rootfs, true
	config.Cgroups.Memory = cmp.Or(t.Memory, 64) << 20
	config.Cgroups.CpuPeriod, config.Cgroups.CpuQuota = 100_000, int64(cmp.Or(t.CPUs, 1)*100_000)
	c, err := e.runtime.CreateWithRecord(r.Context(), r.PathValue("name"), config, record)
	if err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(e.dir, c.ID()+".log"))
	if err == nil {
		err = c.StartContext(r.Context(), t.process(out))
		out.Close()
	}
	if err != nil {
		return errors.Join(err, c.Destroy())
	}
	return nil
}

func inspect(_ *http.Request, c *libcontainer.Instance) (any, error) {
	status, err := c.Status()
	record, err2 := c.Record()
	stats, err3 := c.Stats()
	answer := map[string]any{"status": status.String(), "task": json.RawMessage(record), "stats": stats}
	return answer, errors.Join(err, err2, err3)
}

func wait(r *http.Request, c *libcontainer.Instance) (any, error) { return ended(c.Wait(r.Context())) }

func stop(r *http.Request, c *libcontainer.Instance) (any, error) {
	grace, err := time.ParseDuration(cmp.Or(r.FormValue("grace"), "10s"))
	if err != nil {
		return nil, err
	}
	return ended(c.Stop(r.Context(), syscall.SIGTERM, grace))
}

func ended(status syscall.WaitStatus, err error) (any, error) {
	return map[string]int{"exit_code": libcontainer.ExitCode(status)}, err
}

func exec(r *http.Request, c *libcontainer.Instance) (any, error) {
	var t task
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	result, err := c.Run(r.Context(), t.process(&out))
	return map[string]any{"result": result, "output": out.String()}, err
}

func destroy(r *http.Request, c *libcontainer.Instance) (any, error) {
	return nil, c.DestroyContext(r.Context())
}
