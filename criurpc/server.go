package criurpc

import (
	"context"
	"errors"
	"os"
)

// PageServer is a criu that receives the pages of a dump and writes them into its
// images.
type PageServer struct {
	Pid  int // of the process that receives
	Port int
}

// PageServer starts one (PAGE_SERVER_CHLD), at Opts.Ps' address and port; of port 0 criu
// chooses one. It serves one connection.
func (c *Criu) PageServer(ctx context.Context, r *Request) (*PageServer, error) {
	return nil, errors.ErrUnsupported
}

// Wait waits until the dump has sent all its pages. The error tells how the server has failed.
// If the context ends, the server is ended.
func (s *PageServer) Wait(ctx context.Context) error { return errors.ErrUnsupported }

// Close ends the server if it still runs.
func (s *PageServer) Close() error { return nil }

// LazyPagesRequest are the options of a criu that serves lazy pages.
type LazyPagesRequest struct {
	Images *os.File
	Work   *os.File // Images if it is nil
	// Address and Port are those of the page server that has the pages; they are in Images if
	// Port is 0.
	Address  string
	Port     int
	LogLevel int
	LogFile  string   // in Work
	Args     []string // more options of "criu lazy-pages"
}

// LazyPages is a criu that serves the pages of processes that have been restored with
// Opts.LazyPages, when these touch them.
type LazyPages struct{}

// LazyPages starts one, and returns when it listens: then the processes can be restored.
func (c *Criu) LazyPages(ctx context.Context, r *LazyPagesRequest) (*LazyPages, error) {
	return nil, errors.ErrUnsupported
}

// Pid is criu's.
func (l *LazyPages) Pid() int { return 0 }

// Wait waits until all pages have been given out. The context's end does not end criu: the
// processes need it.
func (l *LazyPages) Wait(ctx context.Context) error { return errors.ErrUnsupported }

// Close kills it, and with it the processes that still wait for pages cannot go on.
func (l *LazyPages) Close() error { return nil }
