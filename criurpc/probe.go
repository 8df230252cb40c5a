package criurpc

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// simple makes a request that needs no images.
func (c *Criu) simple(ctx context.Context, op Op, req *rpc.CriuReq) (*rpc.CriuResp, error) {
	if ctx.Err() != nil {
		return nil, &Error{Op: op, Err: ended(ctx)}
	}
	p, err := c.Start()
	if err != nil {
		return nil, err
	}
	return (&call{p: p, op: op}).do(ctx, req)
}

// Version asks criu for its version.
func (c *Criu) Version(ctx context.Context) (Version, error) {
	kind := rpc.CriuReqType_VERSION
	resp, err := c.simple(ctx, OpVersion, &rpc.CriuReq{Type: &kind})
	if err != nil {
		return Version{}, err
	}
	v := resp.GetVersion()
	return Version{
		Major:    int(v.GetMajorNumber()),
		Minor:    int(v.GetMinorNumber()),
		Sublevel: int(v.GetSublevel()),
		GitID:    v.GetGitid(),
	}, nil
}

// FeatureCheck asks criu which of its features that depend on the kernel it has here.
func (c *Criu) FeatureCheck(ctx context.Context) (memTrack, lazyPages, pidfdStore bool, err error) {
	kind, yes := rpc.CriuReqType_FEATURE_CHECK, true
	asked := &rpc.CriuFeatures{MemTrack: &yes, LazyPages: &yes, PidfdStore: &yes}
	resp, err := c.simple(ctx, OpFeatures, &rpc.CriuReq{Type: &kind, Features: asked})
	if err != nil {
		return false, false, false, err
	}
	f := resp.GetFeatures()
	return f.GetMemTrack(), f.GetLazyPages(), f.GetPidfdStore(), nil
}

// Check has criu look whether the kernel has all that it cannot do without.
func (c *Criu) Check(ctx context.Context) error {
	path, err := os.MkdirTemp("", "criu-check-") // for the log
	if err != nil {
		return &Error{Op: OpCheck, Err: err}
	}
	defer os.RemoveAll(path)
	dir, err := os.Open(path)
	if err != nil {
		return &Error{Op: OpCheck, Err: err}
	}
	defer dir.Close()
	return c.with(ctx, OpCheck, &Request{Images: dir}, func(p *Process, ctx context.Context, r *Request) error {
		_, err := p.ask(ctx, OpCheck, rpc.CriuReqType_CHECK, r, false)
		return err
	})
}

// checkFeature asks criu for a feature that it tells on its command line only.
func (c *Criu) checkFeature(ctx context.Context, name string) (bool, error) {
	p, err := c.spawn([]string{"check", "--feature", name}, nil, func() {})
	if err != nil {
		return false, err
	}
	defer p.stderr.Close()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
	}
	end := p.reap(ctx.Err() != nil)
	if ctx.Err() != nil {
		return false, &Error{Op: OpFeatures, Err: ended(ctx)}
	}
	return end == nil, nil
}

// Probe looks what criu can do here. It asks anew each time, and takes some tenths of a second. An
// error is one of asking: what is missing is in the Features.
func (c *Criu) Probe(ctx context.Context) (*Features, error) {
	f := &Features{Kernel: kernelRelease(), BigPipes: bigPipes() == nil, Programs: make(map[string]string)}
	for _, name := range helpers {
		if path, err := c.lookUp(name); err == nil {
			f.Programs[name] = path
		}
	}
	var err error
	if f.Version, err = c.Version(ctx); err != nil {
		return nil, err
	}
	// An old criu, or one for another kernel, fails in all that it is asked, but for its version.
	failed := func(err error) bool {
		if !errors.Is(err, ErrFailed) {
			return false
		}
		if f.Problem == nil {
			f.Problem = err
		}
		return true
	}
	if err := c.Check(ctx); err != nil && !failed(err) {
		return nil, err
	}
	if f.MemTrack, f.LazyPages, f.PidfdStore, err = c.FeatureCheck(ctx); err != nil && !failed(err) {
		return nil, err
	}
	if f.NftablesLock, err = c.checkFeature(ctx, "network_lock_nftables"); err != nil {
		return nil, err
	}
	return f, nil
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// lazyPipe is the size of the pipes through which criu moves lazy pages.
const lazyPipe = 4 << 20

// bigPipes tries whether this program may make such a pipe: that depends on CAP_SYS_RESOURCE,
// fs.pipe-max-size, and the user's other pipes.
func bigPipes() error {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err := unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, lazyPipe)
	return err
}
