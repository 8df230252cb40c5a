package lives

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Serve is the main function of a host program: with its state below the first argument and the root
// file system in the second, it does what each line of standard input asks for, and answers with a
// line of numbers. As floor.c it answers an empty line with the microseconds of a life and those of
// CPU time. It ends with the input.
func Serve() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s /STATE /ROOTFS\n", os.Args[0])
		os.Exit(2)
	}
	h, err := newHost(os.Args[1], os.Args[2])
	if err == nil {
		err = errors.Join(h.serve(os.Stdin, os.Stdout), h.close())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

// host is what a host program has.
type host struct {
	maker  *Maker
	crowd  *Crowd
	asked  int                                 // how often for each of the crowd's containers in turn
	answer map[string]func() ([]string, error) // by request
}

func newHost(work, rootfs string) (*host, error) {
	maker, err := NewMaker(work, rootfs, "host", Config)
	if err != nil {
		return nil, err
	}
	crowd, err := NewCrowd(work, rootfs, "crowd")
	if err != nil {
		return nil, errors.Join(err, maker.Close())
	}
	h := &host{maker: maker, crowd: crowd}
	h.answer = map[string]func() ([]string, error){
		"":          func() ([]string, error) { return microseconds(h.maker.Life()) },
		"start":     func() ([]string, error) { return microseconds(h.maker.Start()) },
		"stats":     func() ([]string, error) { return microseconds(Measure(h.stats)) },
		"list":      func() ([]string, error) { return microseconds(Measure(h.list)) },
		"load":      func() ([]string, error) { return microseconds(Measure(h.load)) },
		"footprint": footprint,
	}
	return h, nil
}

func (h *host) close() error { return errors.Join(h.crowd.Close(), h.maker.Close()) }

func (h *host) serve(requests io.Reader, answers io.Writer) error {
	lines := bufio.NewScanner(requests)
	for lines.Scan() {
		answer, err := h.do(lines.Text())
		if err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		if _, err := fmt.Fprintln(answers, strings.Join(answer, " ")); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (h *host) do(request string) ([]string, error) {
	if size, ok := strings.CutPrefix(request, "resize "); ok {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, err
		}
		return []string{size}, h.crowd.Resize(context.Background(), n)
	}
	answer, ok := h.answer[request]
	if !ok {
		return nil, errors.New("no such request")
	}
	return answer()
}

func microseconds(sample Sample, err error) ([]string, error) {
	text := func(d time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(time.Microsecond), 'f', 1, 64)
	}
	return []string{text(sample.Wall), text(sample.CPU)}, err
}

// next gives another of the crowd's containers each time.
func (h *host) next() int {
	h.asked++
	return h.asked % len(h.crowd.containers)
}

func (h *host) stats() error {
	_, err := h.crowd.containers[h.next()].Stats()
	return err
}

func (h *host) load() error {
	_, err := h.crowd.factory.Load(h.crowd.containers[h.next()].ID())
	return err
}

func (h *host) list() error {
	lister, ok := h.crowd.factory.(interface{ List() ([]string, error) })
	if !ok {
		return errors.New("the factory has no List")
	}
	ids, err := lister.List()
	if err == nil && len(ids) != len(h.crowd.containers) {
		err = fmt.Errorf("it gives %d containers of %d", len(ids), len(h.crowd.containers))
	}
	return err
}

// footprint is resident memory in kB, descriptors and threads, after a garbage collection.
func footprint() ([]string, error) {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	memory, threads, err := parseStatus(string(status))
	if err != nil {
		return nil, err
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	descriptors := len(open) - 1 // without the one that it was read by
	return []string{strconv.Itoa(memory), strconv.Itoa(descriptors), strconv.Itoa(threads)}, nil
}

// parseStatus finds VmRSS and Threads in a text of proc_pid_status(5).
func parseStatus(status string) (memory, threads int, err error) {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, atoi := strconv.Atoi(fields[1])
		switch fields[0] {
		case "VmRSS:":
			memory, err = number, errors.Join(err, atoi)
		case "Threads:":
			threads, err = number, errors.Join(err, atoi)
		}
	}
	if err == nil && (memory == 0 || threads == 0) {
		err = errors.New("the status of the process has no VmRSS or no Threads")
	}
	return memory, threads, err
}
