package selinux_test

import (
	"testing"

	"github.com/libcontainer/libcontainer/selinux"
)

func TestContext(t *testing.T) {
	const some = "system_u:system_r:container_t:s0:c1,c2"
	c := selinux.NewContext(some)
	if c["type"] != "container_t" || c["level"] != "s0:c1,c2" || c.Get() != some {
		t.Errorf("the parts of %s are %v, together %s", some, c, c.Get())
	}
	if c := selinux.NewContext("none"); c == nil || c["type"] != "" {
		t.Errorf("what is no label has the parts %v", c)
	}
	copied, err := selinux.CopyLevel(some, "system_u:object_r:container_file_t:s0")
	if err != nil && selinux.SelinuxEnabled() || err == nil && copied != "system_u:object_r:container_file_t:s0:c1,c2" {
		t.Errorf("with the level copied: %q, error %v", copied, err)
	}
	if !selinux.SelinuxEnabled() && selinux.SelinuxGetEnforce() == selinux.Enforcing {
		t.Error("it is not enabled, and enforces")
	}
}
