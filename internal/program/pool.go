package program

import "sync"

// A list of a usual container takes half a megabyte to build. What it was built in is used
// again, so that a host that starts many of them does not collect garbage all the time.
var (
	buffersPool = sync.Pool{New: func() any {
		return &buffers{ops: make([]operation, 0, 64), data: make([]byte, 0, 4096)}
	}}
	stepsPool = sync.Pool{New: func() any { s := make([]step, 0, 64); return &s }}
	listPool  = sync.Pool{New: func() any { return new([]byte) }}
)

// mostKept is how large what is kept may be: a process may have megabytes of environment.
const mostKept = 1 << 20

// buffers is what a list is built in.
type buffers struct {
	ops    []operation
	data   []byte
	relocs []reloc
	labels []int32 // the operation of each, -1 as long as it is not known
}

func (b *buffers) keep() {
	if cap(b.data) > mostKept {
		return
	}
	b.ops, b.data, b.relocs, b.labels = b.ops[:0], b.data[:0], b.relocs[:0], b.labels[:0]
	buffersPool.Put(b)
}

// newList gives bytes, of which the first so many are zero.
func newList(size, zero int) []byte {
	list := *listPool.Get().(*[]byte)
	if cap(list) < size {
		return make([]byte, size)
	}
	list = list[:size]
	clear(list[:zero])
	return list
}

func keepList(list []byte) {
	if cap(list) <= mostKept {
		listPool.Put(&list)
	}
}

func keepSteps(steps []step) {
	clear(steps) // of what they refer to
	steps = steps[:0]
	stepsPool.Put(&steps)
}
