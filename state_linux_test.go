package libcontainer

import (
	"encoding/json"
	"errors"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer/configs"
)

func TestStateRoundTrip(t *testing.T) {
	data, err := json.Marshal(&State{
		BaseState: BaseState{ID: "a", InitProcessPid: 7, InitProcessStartTime: "99", Config: configs.Config{
			Rootfs: "/r",
			Cgroups: &configs.Cgroup{Name: "n", Resources: &configs.Resources{
				BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 1, 1024)},
			}},
		}},
		CgroupPaths: map[string]string{"cpu": "/c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := decodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != "a" || out.InitProcessPid != 7 || out.CgroupPaths["cpu"] != "/c" || out.Config.Rootfs != "/r" {
		t.Errorf("read back %+v", out)
	}
	if d := out.Config.Cgroups.BlkioThrottleReadBpsDevice[0]; d.Major != 8 || d.Minor != 1 || d.Rate != 1024 {
		t.Errorf("throttle device read back as %+v", d)
	}
}

// A state that an earlier version has written is read as it was meant, and nothing in it
// is lost or called otherwise when it is written again.
func TestKeptState(t *testing.T) {
	kept, err := os.ReadFile("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	state, err := decodeState(kept)
	if err != nil {
		t.Fatal(err)
	}
	devices := []MovedDevice{{
		HostName: "dev0", Name: "net0", Index: 3, Type: "ifb", HardwareAddr: "02:00:00:00:00:01", Up: true,
		Addresses: []DeviceAddress{{Address: "192.0.2.7/24", Peer: "192.0.2.8/32", NoPrefixRoute: true}, {Address: "2001:db8::1/64"}},
	}}
	if diff := cmp.Diff(devices, state.NetDevices); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(devices[0], movedDevice(state.NetDevices[0].device())); diff != "" {
		t.Errorf("device there and back (-want +got):\n%s", diff)
	}
	hooks := saveHooks(state.Hooks.load())
	for name, commands := range map[string][]configs.Command{
		"prestart": hooks.Prestart, "createRuntime": hooks.CreateRuntime, "createContainer": hooks.CreateContainer,
		"startContainer": hooks.StartContainer, "poststart": hooks.Poststart, "poststop": hooks.Poststop,
	} {
		want := []configs.Command{{Path: "/bin/hook", Args: []string{"hook", name}, Env: []string{"A=b"}, Dir: "/tmp"}}
		if diff := cmp.Diff(want, commands); diff != "" {
			t.Errorf("%s hooks (-want +got):\n%s", name, diff)
		}
	}
	written, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	var was, is any
	if err := errors.Join(json.Unmarshal(kept, &was), json.Unmarshal(written, &is)); err != nil {
		t.Fatal(err)
	}
	checkContains(t, "", was, is)
}

// checkContains checks that a JSON value has all that another one has; fields may have
// been added.
func checkContains(t *testing.T, path string, was, is any) {
	t.Helper()
	object, ok := was.(map[string]any)
	if !ok {
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s (-was +is):\n%s", path, diff)
		}
		return
	}
	now, _ := is.(map[string]any)
	for name, value := range object {
		if _, ok := now[name]; !ok {
			t.Errorf("%s/%s has gone", path, name)
			continue
		}
		checkContains(t, path+"/"+name, value, now[name])
	}
}

// Whoever gets a State can name the types of all that is in it.
func TestStateHasExportedTypes(t *testing.T) {
	seen := make(map[reflect.Type]bool)
	var check func(path string, typ reflect.Type)
	check = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			check(path, typ.Elem())
		}
		if typ.PkgPath() != "" && !token.IsExported(typ.Name()) {
			t.Errorf("%s is of the type %s", path, typ)
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for _, f := range reflect.VisibleFields(typ) {
			if f.IsExported() {
				check(path+"."+f.Name, f.Type)
			}
		}
	}
	check("State", reflect.TypeFor[State]())
}

func TestLoadRefusesBadState(t *testing.T) {
	root := t.TempDir()
	factory, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "truncated": `{"id":"a"`, "negative.pid": `{"id":"negative.pid","init_process_pid":-1}`,
		"wrong.type": `{"id":7}`, "other": `{"id":"a"}`,
	} {
		file := filepath.Join(root, name, "state.json")
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := factory.Load(name); !errors.Is(err, SystemError) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one that names %s", name, err, file)
		}
	}
	if _, err := factory.Load("none"); !errors.Is(err, ContainerNotExists) {
		t.Errorf("no container: error %v", err)
	}
}
