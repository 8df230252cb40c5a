package specconv

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/configs/validate"
)

// newBundle makes a bundle with an empty root file system and returns its path without
// symbolic links.
func newBundle(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "rootfs"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// convertAll converts as a process that may grant everything, and is no matter of the user
// that runs the tests.
func convertAll(spec *specs.Spec, opts Options) (*Result, error) {
	if opts.Rootless == nil {
		opts.Rootless = new(bool)
	}
	c := &converter{opts: opts, granter: grantAll}
	return c.convert(spec)
}

func grantAll(*configs.Config) granter {
	return func(capability.Cap, bool) error { return nil }
}

func mustConvert(t *testing.T, spec *specs.Spec, opts Options) *Result {
	t.Helper()
	result, err := convertAll(spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// checkPath checks that an error is about a property.
func checkPath(t *testing.T, err error, path string) {
	t.Helper()
	var field *FieldError
	if !errors.As(err, &field) {
		t.Errorf("error %v, want one about %s", err, path)
	} else if field.Path != path {
		t.Errorf("error %q, want one about %s", err, path)
	}
}

// What Example and ExampleRootless return is read back, and valid for the library, as it
// is and without a word.
func TestExamples(t *testing.T) {
	for name, tt := range map[string]struct {
		spec     *specs.Spec
		rootless bool
	}{
		"example":  {Example(), false},
		"rootless": {ExampleRootless(), true},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := newBundle(t)
			text, err := json.MarshalIndent(tt.spec, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(bundle, ConfigFile), text, 0o600); err != nil {
				t.Fatal(err)
			}
			spec, err := Load(bundle)
			if err != nil {
				t.Fatal(err)
			}
			result := mustConvert(t, spec, Options{ID: "one", Bundle: bundle, Rootless: &tt.rootless})
			if len(result.Warnings) > 0 {
				t.Errorf("warnings %v", result.Warnings)
			}
			if err := validate.New().Validate(result.Config); err != nil {
				t.Error(err)
			}
			if !result.Terminal || !slices.Equal(result.Process.Args, []string{"sh"}) {
				t.Errorf("terminal %v, process %+v", result.Terminal, result.Process)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"missing":      {"", "no such file"},
		"not JSON":     {"{\n\"root\": }", "line 2"},
		"null":         {"null", "null"},
		"a list":       {"[]", "array"},
		"wrong type":   {"{\n\"linux\": {\"resources\": {\"pids\": {\"limit\": \"1\"}}}}", "linux.resources.pids.limit: a JSON string cannot be a int64 (line 2)"},
		"too much":     {`{"ociVersion": "1.0.0"} {}`, "line 1"},
		"out of range": {`{"process": {"user": {"uid": -1}}}`, "process.user.uid"},
		"large":        {strings.Repeat(" ", maxFile) + "{}", "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, ConfigFile)
			if tt.text != "" {
				if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want one with %q and %q", err, tt.want, file)
			}
		})
	}
}
