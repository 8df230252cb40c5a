package image

import (
	"bytes"
	"sync"
	"unsafe"
)

// codeAddr returns the address of the interpreter's code. A function value of Go
// would point at a wrapper.
func codeAddr() uintptr

// endMarker is behind the code. It is not written as one word, so that it stands in
// no other place.
var endMarker = [...]byte{'l', 'i', 'b', 'c', 'o', 'n', 't', 'a', 'i', 'n', 'e', 'r', ' ', 'e', 'n', 'd'}

// maxCode bounds the search for the marker.
const maxCode = stateOffset - codeOffset

// code returns the interpreter's code.
var code = sync.OnceValue(func() []byte {
	p := codeAddr()
	mem := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), maxCode)
	for n := 0; n+len(endMarker) <= maxCode; n++ {
		if bytes.Equal(mem[n:n+len(endMarker)], endMarker[:]) {
			return bytes.Clone(mem[:n])
		}
	}
	panic("image: the end of the interpreter's code was not found")
})
