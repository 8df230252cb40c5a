package criurpc

import (
	"errors"
	"os"
	"time"
)

// DumpStats are criu's statistics of a dump or pre-dump.
type DumpStats struct {
	Freezing time.Duration // until all tasks were frozen
	Frozen   time.Duration // from then on until they were let go
	MemDump  time.Duration
	MemWrite time.Duration

	PagesScanned       uint64
	PagesSkippedParent uint64 // they are in the parent's images
	PagesWritten       uint64
	PagesLazy          uint64

	ShmemPagesScanned       uint64
	ShmemPagesSkippedParent uint64
	ShmemPagesWritten       uint64
}

// RestoreStats are criu's statistics of a restore.
type RestoreStats struct {
	Forking time.Duration
	Restore time.Duration

	PagesCompared   uint64
	PagesSkippedCOW uint64
	PagesRestored   uint64
}

// ReadDumpStats reads the statistics in a work directory (stats-dump).
func ReadDumpStats(work *os.File) (*DumpStats, error) { return nil, errors.ErrUnsupported }

// ReadRestoreStats reads the statistics in a work directory (stats-restore).
func ReadRestoreStats(work *os.File) (*RestoreStats, error) { return nil, errors.ErrUnsupported }
