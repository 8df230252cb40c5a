package criurpc

import (
	"os"
	"testing"
)

func TestTry(t *testing.T) {
	c := &Criu{Path: os.Getenv("LIBCONTAINER_CRIU")}
	v, err := c.Version(t.Context())
	t.Log(v, err)
	t.Log(c.Check(t.Context()))
	f, err := c.Probe(t.Context())
	t.Logf("%+v %v", f, err)
	t.Log(f.Missing(Needs{true, true, true, true, true, 1}))
	l, err := c.LazyPages(t.Context(), &LazyPagesRequest{Images: mustOpen(t)})
	t.Log(l, err)
}
func mustOpen(t *testing.T) *os.File {
	d, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}
