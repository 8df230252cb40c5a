package specconv

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs/validate"
)

// FuzzConvert looks that no bundle makes the conversion panic, that an error is not without
// a text, and that what is converted can be validated, and written where there is a way.
func FuzzConvert(f *testing.F) {
	for _, spec := range []*specs.Spec{fullSpec(), Example(), ExampleRootless(), {}} {
		text, err := json.Marshal(spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Add([]byte("null"), false)
	bundle := newBundle(f)
	file := filepath.Join(bundle, ConfigFile)
	f.Fuzz(func(t *testing.T, text []byte, systemd bool) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		convertAnything(t, bundle, systemd)
	})
}

func convertAnything(t *testing.T, bundle string, systemd bool) {
	t.Helper()
	spec, err := Load(bundle)
	if err != nil {
		checkText(t, err)
		return
	}
	if spec.Root != nil {
		spec.Root.Path = "rootfs" // what else is on the machine is no matter
	}
	opts := &Options{ID: "one", Bundle: bundle, SystemdCgroup: systemd, AllowSystemdAnnotations: systemd}
	result, err := Convert(spec, opts)
	if err != nil {
		checkText(t, err)
		return
	}
	for _, warning := range result.Warnings {
		checkText(t, warning)
	}
	if err := validate.New().Validate(result.Config); err != nil {
		checkText(t, err)
	}
	if back, err := FromConfig(result.Config, result.Process, opts); err != nil {
		// Convert has set them, for who allows it.
		checkPath(t, err, "Config.Cgroups.SystemdProperties")
	} else if _, err := Convert(back, opts); err != nil {
		t.Errorf("what was written is not read: %v", err)
	}
	if spec.Process != nil {
		if _, _, err := ToProcess(spec.Process, result.Config); err != nil {
			t.Errorf("the first process cannot be a further one: %v", err)
		}
	}
}

func checkText(t *testing.T, err error) {
	t.Helper()
	if err.Error() == "" {
		t.Error("an error without a text")
	}
}

// TestOddValues puts values that nobody expects in the place of every single one of a full
// configuration.
func TestOddValues(t *testing.T) {
	bundle := newBundle(t)
	text, err := json.Marshal(fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	count := 0
	try := func(value any) {
		count++
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bundle, ConfigFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		convertAnything(t, bundle, true)
		if t.Failed() {
			t.Fatalf("with %#v in %s", value, text)
		}
	}
	odd := []any{
		nil, true, false, 0, -1, 1, 1 << 31, 1 << 32, -1 << 63, uint64(1<<64 - 1), 0.5, "", " ", "a", "/", "..", "a\x00b", "a\nb",
		"::", "a:b:c", []any{}, []any{nil}, []any{""}, []any{map[string]any{}}, map[string]any{}, map[string]any{"": ""},
		map[string]any{"a": nil}, map[string]any{"a": map[string]any{}},
	}
	var walk func(value any, set func(any))
	walk = func(value any, set func(any)) {
		for _, o := range odd {
			set(o)
			try(o)
		}
		set(value)
		switch v := value.(type) {
		case map[string]any:
			for name, one := range v {
				walk(one, func(o any) { v[name] = o })
			}
		case []any:
			for i, one := range v {
				walk(one, func(o any) { v[i] = o })
			}
		}
	}
	for name, one := range tree.(map[string]any) {
		walk(one, func(o any) { tree.(map[string]any)[name] = o })
	}
	if count < 5000 {
		t.Errorf("%d values only", count)
	}
}
