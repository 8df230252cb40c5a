//go:build linux

package fs

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestNetClsSet(t *testing.T) {
	files := map[string]string{"net_cls.classid": "0\n"}
	runSetTests(t, "net_cls", []setTest{
		{"decimal", files, configs.Resources{NetClsClassid: "1048577"}, map[string]string{"net_cls.classid": "1048577"}, ""},
		{"hexadecimal", files, configs.Resources{NetClsClassid: "0x100001"}, map[string]string{"net_cls.classid": "1048577"}, ""},
		{"too large", files, configs.Resources{NetClsClassid: "0x100000000"}, map[string]string{"net_cls.classid": "0"}, "32-bit"},
		{"tc syntax", files, configs.Resources{NetClsClassid: "10:1"}, map[string]string{"net_cls.classid": "0"}, "NetClsClassid"},
	})
}
