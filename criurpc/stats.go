package criurpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/stats"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// DumpStats are criu's statistics of a dump, or of a pre-dump.
type DumpStats struct {
	Freezing time.Duration // how long it took to stop all tasks
	Frozen   time.Duration // how long they stood still then
	MemDump  time.Duration // in this time the pages were collected
	MemWrite time.Duration // and in this one written

	PagesScanned       uint64
	PagesSkippedParent uint64 // the parent's images have them
	PagesWritten       uint64
	PagesLazy          uint64 // are left to be sent when they are touched

	// The same of memory that is shared.
	SharedPagesScanned       uint64
	SharedPagesSkippedParent uint64
	SharedPagesWritten       uint64
}

// RestoreStats are criu's statistics of a restore.
type RestoreStats struct {
	Forking time.Duration // how long it took to make the tasks
	Restore time.Duration // how long all took

	PagesCompared   uint64
	PagesSkippedCOW uint64 // they are the same in the parent process
	PagesRestored   uint64
}

// ReadDumpStats reads the statistics of a dump from its work directory (stats-dump).
func ReadDumpStats(work *os.File) (*DumpStats, error) {
	entry, err := readStats(work, stats.StatsDump)
	if err != nil {
		return nil, err
	}
	d := entry.GetDump()
	if d == nil {
		return nil, fmt.Errorf("statistics %s: they are not those of a dump", stats.StatsDump)
	}
	return &DumpStats{
		Freezing:                 microseconds(d.GetFreezingTime()),
		Frozen:                   microseconds(d.GetFrozenTime()),
		MemDump:                  microseconds(d.GetMemdumpTime()),
		MemWrite:                 microseconds(d.GetMemwriteTime()),
		PagesScanned:             d.GetPagesScanned(),
		PagesSkippedParent:       d.GetPagesSkippedParent(),
		PagesWritten:             d.GetPagesWritten(),
		PagesLazy:                d.GetPagesLazy(),
		SharedPagesScanned:       d.GetShpagesScanned(),
		SharedPagesSkippedParent: d.GetShpagesSkippedParent(),
		SharedPagesWritten:       d.GetShpagesWritten(),
	}, nil
}

// ReadRestoreStats reads the statistics of a restore from its work directory (stats-restore).
func ReadRestoreStats(work *os.File) (*RestoreStats, error) {
	entry, err := readStats(work, stats.StatsRestore)
	if err != nil {
		return nil, err
	}
	r := entry.GetRestore()
	if r == nil {
		return nil, fmt.Errorf("statistics %s: they are not those of a restore", stats.StatsRestore)
	}
	return &RestoreStats{
		Forking:         microseconds(r.GetForkingTime()),
		Restore:         microseconds(r.GetRestoreTime()),
		PagesCompared:   r.GetPagesCompared(),
		PagesSkippedCOW: r.GetPagesSkippedCow(),
		PagesRestored:   r.GetPagesRestored(),
	}, nil
}

func microseconds(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }

// maxStats bounds a file of statistics, which has some 100 bytes.
const maxStats = 4096

func readStats(work *os.File, name string) (*stats.StatsEntry, error) {
	data, err := readAt(work, name, maxStats)
	if err != nil {
		return nil, fmt.Errorf("statistics %s: %w", name, err)
	}
	entry, err := parseStats(data)
	if err != nil {
		return nil, fmt.Errorf("statistics %s: %w", name, err)
	}
	return entry, nil
}

// parseStats reads an image: two magic numbers, the size of the message, the message. See
// https://criu.org/Images.
func parseStats(data []byte) (*stats.StatsEntry, error) {
	if len(data) < stats.PayloadOffset {
		return nil, fmt.Errorf("%d bytes: %w", len(data), io.ErrUnexpectedEOF)
	}
	if primary, secondary := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[stats.SecondaryMagicOffset:]); primary != stats.ImgServiceMagic || secondary != stats.StatsMagic {
		return nil, fmt.Errorf("it begins with %#x %#x, want %#x %#x", primary, secondary, stats.ImgServiceMagic, stats.StatsMagic)
	}
	size, message := binary.LittleEndian.Uint32(data[stats.SizeOffset:]), data[stats.PayloadOffset:]
	if uint64(size) != uint64(len(message)) {
		return nil, fmt.Errorf("the message has %d bytes, want %d", len(message), size)
	}
	entry := new(stats.StatsEntry)
	if err := entry.UnmarshalVT(message); err != nil {
		return nil, err
	}
	return entry, nil
}

// readAt reads a regular file of a directory, and follows no link.
func readAt(dir *os.File, name string, limit int) ([]byte, error) {
	fd := -1
	err := descriptor.Control(dir, func(at int) (err error) {
		fd, err = unix.Openat(at, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, nil
}
