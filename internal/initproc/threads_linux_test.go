package initproc

import (
	"os"
	"testing"
)

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

func TestSpareThreads(t *testing.T) {
	makeSpareThreads()
	before := threads(t)
	if before < spareThreads+1 {
		t.Errorf("%d threads, want those to spare, and this one", before)
	}
	for range 10 {
		makeSpareThreads()
	}
	if after := threads(t); after > before+spareThreads {
		t.Errorf("%d threads, and then %d: they are not used again", before, after)
	}
}
