//go:build linux

package cgmanager

import (
	"context"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// keptDir is an open directory that several use. It is closed when nobody does.
type keptDir struct {
	dir   *cgdir.Dir
	users int // guarded by State.mu
}

// Within makes waits end with a context, see cgroups.Driver. Meanwhile directories that
// have been opened stay open: a start comes to each of them several times.
func (s *State) Within(ctx context.Context) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound, s.kept = ctx, make(map[string]*keptDir)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, k := range s.kept {
			k.leave()
		}
		s.bound, s.kept = nil, nil
	}
}

// Context is what waits end with.
func (s *State) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound == nil {
		return context.Background()
	}
	return s.bound
}

// leave is called with the lock held.
func (k *keptDir) leave() {
	if k.users--; k.users == 0 {
		k.dir.Close()
	}
}

// WithDir opens the directory path for the time of a call.
func (b Base) WithDir(path string, call func(*cgdir.Dir) error) error {
	s := b.State
	if k := s.use(path); k != nil {
		defer s.leave(k)
		return call(k.dir)
	}
	dir, err := cgdir.Open(path, s.Kind)
	if err != nil {
		return err
	}
	k := s.keep(path, dir)
	defer s.leave(k)
	return call(dir)
}

// OpenFile opens a file of the directory path.
func (b Base) OpenFile(path, name string, flags uint64) (*cgdir.File, error) {
	if k := b.State.use(path); k != nil {
		defer b.State.leave(k)
		return k.dir.OpenFile(name, flags)
	}
	return cgdir.OpenFileIn(path, name, flags, b.State.Kind)
}

// use returns a directory that is kept, nil if it is not.
func (s *State) use(path string) *keptDir {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[path]
	if k != nil {
		k.users++
	}
	return k
}

func (s *State) leave(k *keptDir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.leave()
}

// keep returns a directory with a user, the caller. It stays open after that if directories
// are kept.
func (s *State) keep(path string, dir *cgdir.Dir) *keptDir {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &keptDir{dir: dir, users: 1}
	if s.kept != nil && s.kept[path] == nil {
		k.users++
		s.kept[path] = k
	}
	return k
}
