package apitest

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// The tests in this file show that the comparison finds what it is for.

const fakePath = "example.org/fake"

// fakeImporter has packages by their path, without the module's.
type fakeImporter map[string]*types.Package

func (f fakeImporter) Import(path string) (*types.Package, error) {
	if pkg, ok := f[path]; ok {
		return pkg, nil
	}
	return nil, fmt.Errorf("no package %s", path)
}

func fakes(t *testing.T) fakeImporter {
	t.Helper()
	other, err := checkSource("example.org/other", `package other
		type Thing struct{ A int }
		func (t Thing) Get() int
		type Different struct{ A int }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	return fakeImporter{other.Path(): other}
}

func fake(t *testing.T, imports fakeImporter, source string) *types.Package {
	t.Helper()
	pkg, err := checkSource(fakePath, "package fake\n"+source, imports)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name, want, got string
		differences     []string
	}{
		{name: "same", want: `type T struct { A int }`, got: `type T struct { A int }`},
		{name: "more", want: `type T struct { A int }`, got: `type T struct { B, A int; c int }; func (T) M() {}; func F() {}; const C = 1`},
		{name: "unexported ones ignored", want: `type t struct{}; func f(); type T struct { a int }; func (T) m()`, got: `type T struct{}`},

		{"missing function", `func F()`, ``, []string{"fake.F: missing"}},
		{"missing type", `type T int`, ``, []string{"fake.T: missing"}},
		{"missing constant", `const C = 1`, ``, []string{"fake.C: missing"}},
		{"missing variable", `var V int`, ``, []string{"fake.V: missing"}},
		{"other kind of thing", `func F()`, `var F func()`, []string{"fake.F: is a variable, want a function"}},

		{name: "parameters' names", want: `func F(a, b int) (err error)`, got: `func F(x int, _ int) error`},
		{name: "any", want: `func F(v interface{})`, got: `func F(v any)`},
		{"parameter", `func F(a int)`, `func F(a int64)`, []string{"fake.F: type is func(a int64), want func(a int)"}},
		{"additional parameter", `func F(a int)`, `func F(a int, b ...int)`, []string{"fake.F: type"}},
		{"variadic", `func F(a []int)`, `func F(a ...int)`, []string{"fake.F: type"}},
		{"result", `func F() error`, `func F()`, []string{"fake.F: type"}},
		{"type parameter", `func F(a int)`, `func F[X any](a int) {}`, []string{"fake.F: type"}},

		{"removed field", `type T struct { A, B int }`, `type T struct { A int }`, []string{"fake.T.B: missing"}},
		{"unexported field", `type T struct { A int }`, `type T struct { a int }`, []string{"fake.T.A: missing"}},
		{"field's type", `type T struct { A int }`, `type T struct { A int64 }`, []string{"fake.T.A: type is int64, want int"}},
		{"changed tag", "type T struct { A int `json:\"a\"` }", "type T struct { A int `json:\"b\"` }", []string{"fake.T.A: tag is `json:\"b\"`, want `json:\"a\"`"}},
		{"removed tag", "type T struct { A int `json:\"a\"` }", "type T struct { A int }", []string{"fake.T.A: tag"}},
		{"added tag", "type T struct { A int }", "type T struct { A int `json:\"a\"` }", []string{"fake.T.A: tag"}},
		{"not embedded", `type T struct { E }; type E struct{}`, `type T struct { E E }; type E struct{}`, []string{"fake.T.E: embedded"}},
		{"embedded pointer", `type T struct { *E }; type E struct{}`, `type T struct { E }; type E struct{}`, []string{"fake.T.E: type"}},
		{"struct made an interface", `type T struct{}`, `type T interface{}`, []string{"fake.T: type"}},
		{"kind of type", `type T int`, `type T uint`, []string{"fake.T: type is uint, want int"}},

		{"changed value", `const C = 1`, `const C = 2`, []string{"fake.C: value is 2, want 1"}},
		{"changed iota", `type T int; const ( A T = iota; B; C )`, `type T int; const ( A T = iota; X; B; C )`,
			[]string{"fake.B: value is 2, want 1", "fake.C: value is 3, want 2"}},
		{"changed string", `const C = "a"`, `const C = "b"`, []string{`fake.C: value is "b", want "a"`}},
		{"constant's type", `type T int; const C T = 1`, `type T int; const C = 1`, []string{"fake.C: type"}},
		{"kind of constant", `const C = 1`, `const C = 1.0`, []string{"fake.C: type", "fake.C: value"}},
		{name: "unexported type", want: `type t uint32; const C t = 1`, got: `type t uint32; const C t = 1`},

		{"variable's type", `var V []int`, `var V []*int`, []string{"fake.V: type is []*int, want []int"}},
		{"own type", `type T int; var V map[string]*T`, `type T int; var V map[string]T`, []string{"fake.V: type"}},
		{"direction of a channel", `var V <-chan int`, `var V chan int`, []string{"fake.V: type"}},
		{"length of an array", `var V [2]int`, `var V [3]int`, []string{"fake.V: type"}},

		{"removed method", `type T struct{}; func (T) M()`, `type T struct{}`, []string{"fake.T.M: missing"}},
		{"method's signature", `type T struct{}; func (T) M()`, `type T struct{}; func (T) M() error`, []string{"fake.T.M: type"}},
		{"pointer receiver", `type T struct{}; func (T) M()`, `type T struct{}; func (*T) M()`, []string{"fake.T.M: pointer receiver is true, want false"}},
		{"value receiver", `type T struct{}; func (*T) M()`, `type T struct{}; func (T) M()`, []string{"fake.T.M: pointer receiver is false, want true"}},
		{name: "promoted method", want: `type T struct{}; func (T) M()`, got: `type T struct{ e }; type e struct{}; func (e) M()`},
		{"field in place of a method", `type T struct{}; func (T) M()`, `type T struct{ M func() }`, []string{"fake.T.M: missing"}},

		{name: "interface", want: `type I interface { M(T) T }; type T int`, got: `type I interface { M(x T) T }; type T int`},
		{name: "embedded interface spelled out", want: `type I interface { E; N() }; type E interface { M() }`, got: `type I interface { M(); N() }; type E interface { M() }`},
		{"additional interface method", `type I interface { M() }`, `type I interface { M(); N() }`, []string{"fake.I.N: additional method"}},
		{"unexported interface method", `type I interface { M() }`, `type I interface { M(); n() }`, []string{"fake.I.n: additional method"}},
		{"additional embedded interface", `type I interface { M() }`, `type I interface { M(); error }`, []string{"fake.I.Error: additional method"}},
		{"removed interface method", `type I interface { M(); N() }`, `type I interface { M() }`, []string{"fake.I.N: missing"}},
		{"interface method's signature", `type I interface { M(int) }`, `type I interface { M(uint) }`, []string{"fake.I.M: type"}},

		{name: "alias of another package's type", want: `type Thing struct { A int }; func (Thing) Get() int; func F(*Thing)`,
			got: `import "example.org/other"; type Thing = other.Thing; func F(*other.Thing)`},
		{name: "renamed import", want: `import "example.org/other"; func F(other.Thing)`, got: `import o "example.org/other"; func F(o.Thing)`},
		{"another package's type", `import "example.org/other"; func F(other.Thing)`, `import "example.org/other"; func F(other.Different)`, []string{"fake.F: type"}},
		{"own type in place of another's", `import "example.org/other"; func F(other.Thing)`, `type Thing struct { A int }; func F(Thing)`, []string{"fake.F: type"}},
		{"two differences", `func F(); type T struct { A int }`, `type T struct{}`, []string{"fake.F: missing", "fake.T.A: missing"}},
	}
	imports := fakes(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkDifferences(t, compare(fake(t, imports, tt.want), fake(t, imports, tt.got), nil), tt.differences)
		})
	}
}

func checkDifferences(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("differences %q, want %q", got, want)
	}
}

// TestExceptions shows that an exception asks for its own tag, and for its own
// field only.
func TestExceptions(t *testing.T) {
	exceptions := map[string]string{"fake.T.A": `json:"new"`}
	want := fake(t, nil, "type T struct { A int `json:\"old\"`; B int `json:\"old\"` }")
	tests := []struct {
		name, a, b  string
		differences []string
	}{
		{"excepted", "new", "old", nil},
		{"not as excepted", "old", "old", []string{"fake.T.A: tag"}},
		{"another field", "new", "new", []string{"fake.T.B: tag"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fake(t, nil, fmt.Sprintf("type T struct { A int `json:%q`; B int `json:%q` }", tt.a, tt.b))
			checkDifferences(t, compare(want, got, exceptions), tt.differences)
		})
	}
}

func TestCheckPromoted(t *testing.T) {
	tests := []struct {
		name, source, want string
	}{
		{"promoted", `type T struct { e }; type e struct { A int64 }`, ""},
		{"direct", `type T struct { A int64 }`, ""},
		{"missing type", ``, "fake.T: missing"},
		{"missing field", `type T struct { a int64 }`, "fake.T.A: missing"},
		{"method", `type T struct{}; func (T) A() int64`, "fake.T.A: missing"},
		{"other type", `type T struct { A int }`, "fake.T.A: type is int, want int64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkPromoted(fake(t, nil, tt.source), "T", "A", "int64")
			if got := fmt.Sprint(err); tt.want != "" && got != tt.want || tt.want == "" && err != nil {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMissingPackage(t *testing.T) {
	p := &packages{listed: map[string]listed{fakePath: {ImportPath: fakePath}}}
	for _, path := range []string{fakePath, "example.org/missing"} {
		if _, err := p.open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("package %s: got %v, want an error with its path", path, err)
		}
	}
}
