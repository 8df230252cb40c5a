package criurpc

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/stats"
)

// image encodes statistics as criu writes them.
func image(t testing.TB, entry *stats.StatsEntry) []byte {
	t.Helper()
	message, err := entry.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	data := binary.LittleEndian.AppendUint32(nil, stats.ImgServiceMagic)
	data = binary.LittleEndian.AppendUint32(data, stats.StatsMagic)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(message)))
	return append(data, message...)
}

func dumpEntry() *stats.StatsEntry {
	return &stats.StatsEntry{Dump: &stats.DumpStatsEntry{
		FreezingTime: ptr(uint32(1)), FrozenTime: ptr(uint32(2)), MemdumpTime: ptr(uint32(3)), MemwriteTime: ptr(uint32(4)),
		PagesScanned: ptr(uint64(5)), PagesSkippedParent: ptr(uint64(6)), PagesWritten: ptr(uint64(7)), PagesLazy: ptr(uint64(8)),
		ShpagesScanned: ptr(uint64(9)), ShpagesSkippedParent: ptr(uint64(10)), ShpagesWritten: ptr(uint64(11)),
	}}
}

func restoreEntry() *stats.StatsEntry {
	return &stats.StatsEntry{Restore: &stats.RestoreStatsEntry{
		PagesCompared: ptr(uint64(1)), PagesSkippedCow: ptr(uint64(2)), ForkingTime: ptr(uint32(3)), RestoreTime: ptr(uint32(4)),
		PagesRestored: ptr(uint64(5)),
	}}
}

func TestReadStats(t *testing.T) {
	work := directory(t)
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(work.Name(), name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("stats-dump", image(t, dumpEntry()))
	write("stats-restore", image(t, restoreEntry()))
	dump, err := ReadDumpStats(work)
	us := time.Microsecond
	if want := (DumpStats{us, 2 * us, 3 * us, 4 * us, 5, 6, 7, 8, 9, 10, 11}); err != nil || *dump != want {
		t.Errorf("%+v, error %v, want %+v", dump, err, want)
	}
	restore, err := ReadRestoreStats(work)
	if want := (RestoreStats{3 * us, 4 * us, 1, 2, 5}); err != nil || *restore != want {
		t.Errorf("%+v, error %v, want %+v", restore, err, want)
	}
	write("stats-dump", image(t, restoreEntry()))
	write("stats-restore", image(t, dumpEntry()))
	if _, err := ReadDumpStats(work); err == nil || !strings.Contains(err.Error(), "not those of a dump") {
		t.Errorf("of a restore: %v", err)
	}
	if _, err := ReadRestoreStats(work); err == nil || !strings.Contains(err.Error(), "not those of a restore") {
		t.Errorf("of a dump: %v", err)
	}
}

func TestReadStatsOfAnybody(t *testing.T) {
	work := directory(t)
	name := filepath.Join(work.Name(), "stats-dump")
	good := image(t, dumpEntry())
	other := temporary(t, string(good))
	for what, test := range map[string]struct {
		make func() error
		is   error
		text string
	}{
		"nothing":   {func() error { return nil }, os.ErrNotExist, ""},
		"link":      {func() error { return os.Symlink(other.Name(), name) }, unix.ELOOP, ""},
		"fifo":      {func() error { return unix.Mkfifo(name, 0o600) }, nil, "not a regular file"},
		"directory": {func() error { return os.Mkdir(name, 0o700) }, nil, "not a regular file"},
		"large":     {func() error { return os.WriteFile(name, make([]byte, maxStats+1), 0o600) }, nil, "more than 4096 bytes"},
		"huge":      {func() error { f, err := os.Create(name); return errors.Join(err, f.Truncate(1<<40), f.Close()) }, nil, "more than 4096 bytes"},
		"empty":     {func() error { return os.WriteFile(name, nil, 0o600) }, io.ErrUnexpectedEOF, ""},
		"magic":     {func() error { return os.WriteFile(name, append([]byte{1}, good[1:]...), 0o600) }, nil, "begins with"},
		"cut off":   {func() error { return os.WriteFile(name, good[:len(good)-1], 0o600) }, nil, "want"},
		"more":      {func() error { return os.WriteFile(name, append(good[:len(good):len(good)], 0), 0o600) }, nil, "want"},
	} {
		if err := test.make(); err != nil {
			t.Fatal(err)
		}
		_, err := ReadDumpStats(work)
		if err == nil || !strings.Contains(err.Error(), "stats-dump") || !strings.Contains(err.Error(), test.text) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v", what, err)
		}
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzParseStats(f *testing.F) {
	f.Add(image(f, dumpEntry()))
	f.Add(image(f, restoreEntry()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		entry, err := parseStats(data)
		if (entry == nil) == (err == nil) {
			t.Errorf("%v and the error %v", entry, err)
		}
	})
}
