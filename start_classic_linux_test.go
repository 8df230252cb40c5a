package libcontainer

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/launch"
)

// What the preamble says is read as if an attacker had written it.
func TestReadPreamble(t *testing.T) {
	frame := func(kind, length uint32, payload string) string {
		return string(putUint32(kind)) + string(putUint32(length)) + payload
	}
	for name, tt := range map[string]struct {
		sent, payload string
		is            error
		text          string
	}{
		"report":       {sent: frame(preamblePid, 8, "12345678"), payload: "12345678"},
		"empty":        {sent: frame(preambleMapIDs, 0, "")},
		"error":        {sent: frame(preambleError, 10, string(putUint32(uint32(unix.EPERM)))+"step\xff!"), is: unix.EPERM, text: "step?!: operation not permitted"},
		"no reason":    {sent: frame(preambleError, 3, "abc"), text: "the preamble failed and did not say why"},
		"too long":     {sent: frame(preamblePid, 1025, ""), is: unix.EBADMSG},
		"nothing":      {is: launch.ErrClosed},
		"a part":       {sent: frame(preamblePid, 8, "")[:5], is: errAny},
		"no payload":   {sent: frame(preamblePid, 8, ""), is: launch.ErrClosed},
		"half of it":   {sent: frame(preamblePid, 8, "1234"), is: errAny},
		"cut off kind": {sent: frame(preambleError, 8, "")[:3], is: errAny},
	} {
		t.Run(name, func(t *testing.T) {
			pipe, child, err := launch.NewPipe()
			if err != nil {
				t.Fatal(err)
			}
			st := &starting{conn: launch.NewConn(t.Context(), pipe)}
			defer st.conn.Close()
			if err := st.conn.Bound(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := child.WriteString(tt.sent); err != nil {
				t.Fatal(err)
			}
			child.Close()
			_, payload, err := st.readPreamble()
			switch {
			case tt.is == nil && tt.text == "":
				if err != nil || string(payload) != tt.payload {
					t.Errorf("%q, error %v", payload, err)
				}
			case err == nil, tt.is != nil && tt.is != errAny && !errors.Is(err, tt.is), tt.text != "" && err.Error() != tt.text:
				t.Errorf("error %v, want %v, %q", err, tt.is, tt.text)
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any error")
