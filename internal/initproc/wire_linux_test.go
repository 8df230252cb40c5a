package initproc

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer/configs"
)

// hostOnly are the fields of configs types that init does not get, because the
// host's side acts on them. A new field must be sent, or be added here.
var hostOnly = map[string][]string{
	"Config": {
		"PivotDir", "MountLabel", "Capabilities", "CapabilitySets", "NetDevices", "Routes", "Cgroups", "AppArmorProfile",
		"ProcessLabel", "OomScoreAdj", "AdditionalGroups", "UidMappings", "GidMappings", "Seccomp", "Hooks",
		"Version", "TimeOffsets",
	},
	"Mount":  {"Relabel", "UidMappings", "GidMappings"},
	"Device": {"Permissions"},
	"Network": {
		"Name", "Bridge", "MacAddress", "Address", "Gateway", "IPv6Address", "IPv6Gateway", "Mtu", "TxQueueLen",
		"HostInterfaceName", "HairpinMode",
	},
}

// fill sets every field that is sent to a value of its own.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(string(rune('a'+*n%26)) + "x")
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(*n * -1001)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n) * 1000003 & (uint64(1)<<v.Type().Bits() - 1))
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 2, 2)
		fill(s.Index(0), n)
		fill(s.Index(1), n)
		v.Set(s)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		m.SetMapIndex(key, value)
		v.Set(m)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		fill(p.Elem(), n)
		v.Set(p)
	case reflect.Struct:
		for i := range v.NumField() {
			if !slices.Contains(hostOnly[v.Type().Name()], v.Type().Field(i).Name) || v.Type() == reflect.TypeFor[Config]() {
				fill(v.Field(i), n)
			}
		}
	default:
		panic("a field of kind " + v.Kind().String() + " is new here")
	}
}

func filled() *Config {
	c := new(Config)
	n := int64(0)
	fill(reflect.ValueOf(c).Elem(), &n)
	return c
}

func TestConfigRoundTrip(t *testing.T) {
	for name, in := range map[string]*Config{
		"full":  filled(),
		"empty": {Container: &configs.Config{}},
		"extremes": {
			Capabilities: CapabilityMasks{Bounding: 1<<64 - 1},
			Container: &configs.Config{Rlimits: []configs.Rlimit{
				{Type: -1 << 63, Hard: 1<<64 - 1, Soft: 1 << 63},
			}},
		},
	} {
		out, err := DecodeConfig(in.Encode())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Errorf("%s: not as sent (-sent +got):\n%s", name, diff)
		}
	}
}

func TestDecodeConfigRefusesOtherLengths(t *testing.T) {
	data := filled().Encode()
	for n := range data {
		if _, err := DecodeConfig(data[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, len(data))
		}
	}
	if _, err := DecodeConfig(append(data, 0)); !errors.Is(err, errTrailing) {
		t.Errorf("trailing byte: error %v", err)
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add(filled().Encode())
	f.Add((&Config{}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeConfig(data)
		if err != nil {
			return
		}
		again, err := DecodeConfig(c.Encode())
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("not as sent (-sent +got):\n%s", diff)
		}
	})
}

// Several processes of a container may be started at the same time. The race
// detector sees it if encoding writes.
func TestEncodeOnlyReads(t *testing.T) {
	c := new(Config)
	var n int64
	fill(reflect.ValueOf(c).Elem(), &n)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			other := *c
			other.Encode()
		})
	}
	wg.Wait()
}
