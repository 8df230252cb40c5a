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
		spec, err := Load(bundle)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		if spec.Root != nil {
			spec.Root.Path = "rootfs" // what else is on the machine is no matter
		}
		opts := &Options{ID: "one", Bundle: bundle, SystemdCgroup: systemd, AllowSystemdAnnotations: systemd}
		result, err := Convert(spec, opts)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		for _, warning := range result.Warnings {
			if warning.Error() == "" {
				t.Error("a warning without a text")
			}
		}
		_ = validate.New().Validate(result.Config)
		if back, err := FromConfig(result.Config, result.Process, opts); err == nil {
			if _, err := Convert(back, opts); err != nil {
				t.Errorf("what was written is not read: %v", err)
			}
		}
		if spec.Process != nil {
			if _, _, err := ToProcess(spec.Process, result.Config); err != nil {
				t.Errorf("the first process cannot be a further one: %v", err)
			}
		}
	})
}
