package criurpc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

func TestFailureQuotes(t *testing.T) {
	for name, test := range map[string]struct {
		env    []string
		log    []string
		advice string
	}{
		"log": {
			env: []string{
				"FAKE_LOG=(00.1)      1: Warn  (a.c:1): w\n(00.2)     12: Error (a.c:2): inet: Connected TCP socket, consider using --tcp-established option.\n" +
					"Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n" +
					"Error (criu/util.c:642): execvp(\"iptables-legacy-save\", ...) failed: No such file or directory\n" +
					"Error (criu/util.c:1723): iptables-legacy-save -V failed\nError (b.c:3): Dumping FAILED.\n",
				"FAKE_MESSAGE=first line", "FAKE_STDERR=noise\n",
			},
			log:    []string{"Error (a.c:2): inet: Connected TCP socket, consider using --tcp-established option.", "Error (b.c:3): Dumping FAILED."},
			advice: "set tcp_established",
		},
		"standard error with errors": {
			env: []string{"FAKE_STDERR=noise\nError (c.c:1): early\n", "FAKE_MESSAGE=first line"},
			log: []string{"Error (c.c:1): early"},
		},
		"standard error": {
			env: []string{"FAKE_STDERR=no\n\nlibrary\n", "FAKE_MESSAGE=first line"},
			log: []string{"no", "library"},
		},
		"message": {
			env: []string{"FAKE_MESSAGE=first line\n"},
			log: []string{"first line"},
		},
		"nothing": {},
		"number": {
			env:    []string{"FAKE_ERRNO=17"},
			advice: "pid in use",
		},
		"a program that is missing": {
			env:    []string{"FAKE_LOG=Error (criu/util.c:642): execvp(\"tar\", ...) failed: No such file or directory\n"},
			log:    []string{"Error (criu/util.c:642): execvp(\"tar\", ...) failed: No such file or directory"},
			advice: "install tar",
		},
	} {
		err := fakeCriu(t, "log", test.env...).Dump(t.Context(), &Request{Images: directory(t), Work: directory(t)})
		e := failure(t, err)
		if !errors.Is(err, ErrFailed) || !slices.Equal(e.Log, test.log) {
			t.Errorf("%s: %q, error %v", name, e.Log, err)
		}
		if (test.advice == "") != (e.Advice == "") || !strings.Contains(e.Advice, test.advice) {
			t.Errorf("%s: the advice is %q", name, e.Advice)
		}
		if name == "number" && e.Errno != syscall.EEXIST || name != "number" && e.Errno != 0 {
			t.Errorf("%s: number %d", name, e.Errno)
		}
		for _, part := range append(test.log, test.advice) {
			if !strings.Contains(err.Error(), strings.TrimRight(part, ".")) {
				t.Errorf("%s: %v, want %q", name, err, part)
			}
		}
	}
	if errors.Is(&Error{Op: OpDump, Errno: syscall.ENOENT, Err: ErrFailed}, syscall.ENOENT) {
		t.Error("a number of criu's is taken for one of this program's errors")
	}
}

func TestLogIsBounded(t *testing.T) {
	var log strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&log, "Error (x.c:%d): %s\n", i, strings.Repeat("x", 20))
	}
	log.WriteString("Error (y.c:1): " + strings.Repeat("long ", 1000) + "\nError (z.c:1): a\x1b[31mb\x00c\xff")
	images := directory(t)
	f := temporary(t, log.String())
	lines := errorLines(tail(f))
	if len(lines) != maxLines || !strings.HasPrefix(lines[0], "Error (x.c:9994)") {
		t.Errorf("%d lines, the first is %q", len(lines), lines[0])
	}
	if long := lines[maxLines-2]; len(long) > maxLine+5 || !strings.HasSuffix(long, "…") {
		t.Errorf("a long line is %q", long)
	}
	if last := lines[maxLines-1]; last != "Error (z.c:1): a?[31mb?c?" {
		t.Errorf("the last line is %q", last)
	}
	// What criu writes to its standard error is bounded by the file that it writes to.
	err := fakeCriu(t, "log", "FAKE_STDERR="+strings.Repeat("Error (s.c:1): too much\n", 5000)).Dump(t.Context(), &Request{Images: images})
	if e := failure(t, err); len(e.Log) != maxLines || e.Log[0] != "Error (s.c:1): too much" {
		t.Errorf("of a long standard error there are %q", e.Log)
	}
}

// Each advice can be given: the text that it stands for is in no line of another one before.
func TestAdvices(t *testing.T) {
	for _, a := range advices {
		if got := advise(0, []string{"Error (x.c:1): " + a.text + " 7"}); got != a.advice {
			t.Errorf("of %q the advice is %q", a.text, got)
		}
	}
	if got := advise(syscall.EIO, []string{"Error (x.c:1): whatever"}); got != "" {
		t.Errorf("of nothing known the advice is %q", got)
	}
}

// The options are not those of the last request.
func TestErrorText(t *testing.T) {
	e := &Error{
		Op: OpRestore, Stage: StagePostRestore, Errno: syscall.EEXIST, Killed: true, Done: true,
		Log: []string{"Error (a.c:1): one", "Error (b.c:2): two."}, Advice: "do it", Err: ErrFailed,
	}
	want := "criu restore, stage post-restore: it has failed (criu was killed, for it did not answer) (criu has done it nevertheless): " +
		"errno 17, file exists: Error (a.c:1): one; Error (b.c:2): two: do it"
	if e.Error() != want {
		t.Errorf("%q, want %q", e.Error(), want)
	}
	opts := &rpc.CriuOpts{}
	if opts.GetImagesDirFd() != -1 {
		t.Errorf("the default of images_dir_fd is %d", opts.GetImagesDirFd())
	}
}
