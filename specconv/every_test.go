package specconv

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// refused are the properties that Convert fails for, whatever their value is, and why.
func refused() map[string]func(*specs.Spec) {
	return map[string]func(*specs.Spec){
		"solaris":               func(s *specs.Spec) { s.Solaris = &specs.Solaris{} },
		"windows":               func(s *specs.Spec) { s.Windows = &specs.Windows{} },
		"vm":                    func(s *specs.Spec) { s.VM = &specs.VM{} },
		"zos":                   func(s *specs.Spec) { s.ZOS = &specs.ZOS{} },
		"freebsd":               func(s *specs.Spec) { s.FreeBSD = &specs.FreeBSD{} },
		"process.commandLine":   func(s *specs.Spec) { s.Process.CommandLine = "cmd" },
		"process.user.username": func(s *specs.Spec) { s.Process.User.Username = "user" },
	}
}

func TestRefusedProperties(t *testing.T) {
	bundle := newBundle(t)
	for path, set := range refused() {
		spec := fullSpec()
		set(spec)
		_, err := convertAll(spec, Options{ID: "one", Bundle: bundle})
		checkPath(t, err, path)
		if strings.Count(path, ".") == 0 && !errors.Is(err, errOtherSystem) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// outcome is all that a conversion says, to be compared.
type outcome struct {
	result   *Result
	warnings []string
	err      string
}

func outcomeOf(spec *specs.Spec, bundle string) (o outcome) {
	result, err := convertAll(spec, Options{ID: "one", Bundle: bundle})
	if err != nil {
		return outcome{err: err.Error()}
	}
	for _, warning := range result.Warnings {
		o.warnings = append(o.warnings, warning.Error())
	}
	result.Warnings = nil
	o.result = result
	return o
}

// diff also sees what is not exported.
func diff(want, got any) string {
	return cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true }))
}

// TestEveryProperty takes each property of the specification away from a configuration that
// has all of them, and wants to see a difference. A property of a newer version of the
// specification fails it, until fullSpec has it and Convert does something with it.
func TestEveryProperty(t *testing.T) {
	bundle := newBundle(t)
	spec := fullSpec()
	all := outcomeOf(spec, bundle)
	if all.err != "" {
		t.Fatalf("the full configuration is not converted: %s", all.err)
	}
	w := &walker{t: t, skip: refused(), differs: func() bool { return diff(all, outcomeOf(spec, bundle)) != "" }}
	w.walk("", reflect.ValueOf(spec).Elem())
	if changed := diff(all, outcomeOf(spec, bundle)); changed != "" {
		t.Fatalf("the test has changed the configuration: %s", changed)
	}
	if w.leaves < 150 {
		t.Errorf("%d properties only", w.leaves)
	}
}

// walker takes away one property after the other.
type walker struct {
	t       *testing.T
	skip    map[string]func(*specs.Spec)
	differs func() bool
	leaves  int
}

func (w *walker) walk(path string, v reflect.Value) {
	if _, ok := w.skip[path]; ok {
		return
	}
	if v.Kind() != reflect.Struct {
		w.without(path, v, v.Set)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(fieldPath(path, v.Type().Field(i)), v.Field(i))
		}
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct && !v.IsNil() {
			w.walk(path, v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0 {
			w.walk(index(path, 0), v.Index(0))
		}
	case reflect.Map:
		w.values(path, v)
	}
}

// values walks the structs of a map, which cannot be changed in place.
func (w *walker) values(path string, m reflect.Value) {
	if m.Type().Elem().Kind() != reflect.Struct {
		return
	}
	for _, name := range m.MapKeys() {
		value := m.MapIndex(name)
		for i := range value.NumField() {
			w.without(fieldPath(key(path, name.String()), value.Type().Field(i)), value.Field(i), func(field reflect.Value) {
				changed := reflect.New(value.Type()).Elem()
				changed.Set(value)
				changed.Field(i).Set(field)
				m.SetMapIndex(name, changed)
			})
		}
	}
}

// without wants a difference when a value is set to zero, and sets it back.
func (w *walker) without(path string, v reflect.Value, set func(reflect.Value)) {
	w.leaves++
	if v.IsZero() {
		w.t.Errorf("%s is not in the full configuration", path)
		return
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	set(reflect.Zero(v.Type()))
	// The specification has it that the type of a bind mount is a dummy.
	if w.differs() == (path == "mounts[0].type") {
		w.t.Errorf("%s: a difference is %v, want %v", path, path == "mounts[0].type", path != "mounts[0].type")
	}
	set(old)
}

func fieldPath(path string, field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case field.Anonymous:
		return path
	case path == "":
		return name
	}
	return path + "." + name
}
