package apitest

import (
	"fmt"
	"go/constant"
	"go/types"
	"slices"
)

// comparison collects how the package got differs from want.
type comparison struct {
	want, got   *types.Package
	exceptions  map[string]string
	differences []string
}

// compare returns what package got lacks of package want, or has otherwise. A
// tag that exceptions have for a field replaces the one that is wanted.
func compare(want, got *types.Package, exceptions map[string]string) []string {
	c := &comparison{want: want, got: got, exceptions: exceptions}
	for _, name := range want.Scope().Names() {
		object := want.Scope().Lookup(name)
		// An unexported type is there only because others mention it.
		if object.Exported() {
			c.object(object)
		}
	}
	return c.differences
}

func (c *comparison) differ(name, format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf("%s.%s: %s", c.want.Name(), name, fmt.Sprintf(format, args...)))
}

func (c *comparison) object(want types.Object) {
	name := want.Name()
	got := c.got.Scope().Lookup(name)
	if got == nil {
		c.differ(name, "missing")
		return
	}
	if wantKind, gotKind := kind(want), kind(got); wantKind != gotKind {
		c.differ(name, "is a %s, want a %s", gotKind, wantKind)
		return
	}
	if _, ok := want.(*types.TypeName); ok {
		c.typ(name, want.Type(), got.Type())
		return
	}
	c.sameType(name, want.Type(), got.Type())
	if want, ok := want.(*types.Const); ok {
		c.value(name, want.Val(), got.(*types.Const).Val())
	}
}

func kind(object types.Object) string {
	switch object.(type) {
	case *types.Const:
		return "constant"
	case *types.Var:
		return "variable"
	case *types.Func:
		return "function"
	case *types.TypeName:
		return "type"
	}
	return fmt.Sprintf("%T", object)
}

func (c *comparison) value(name string, want, got constant.Value) {
	if want.Kind() != got.Kind() || want.ExactString() != got.ExactString() {
		c.differ(name, "value is %s, want %s", got, want)
	}
}

func (c *comparison) sameType(name string, want, got types.Type) {
	if !c.same(want, got) {
		c.differ(name, "type is %s, want %s", c.text(got), c.text(want))
	}
}

func (c *comparison) text(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p.Path() == c.want.Path() {
			return ""
		}
		return p.Path()
	})
}

func (c *comparison) typ(name string, want, got types.Type) {
	c.methods(name, want, got)
	wantUnder, gotUnder := want.Underlying(), got.Underlying()
	switch want := wantUnder.(type) {
	case *types.Struct:
		if got, ok := gotUnder.(*types.Struct); ok {
			c.fields(name, want, got)
			return
		}
	case *types.Interface:
		if got, ok := gotUnder.(*types.Interface); ok {
			c.interfaces(name, want, got)
			return
		}
	}
	c.sameType(name, wantUnder, gotUnder)
}

func (c *comparison) fields(name string, want, got *types.Struct) {
	for i := range want.NumFields() {
		field := want.Field(i)
		if !field.Exported() {
			continue
		}
		full := name + "." + field.Name()
		j := fieldIndex(got, field.Name())
		if j < 0 {
			c.differ(full, "missing")
			continue
		}
		other := got.Field(j)
		c.sameType(full, field.Type(), other.Type())
		if field.Embedded() != other.Embedded() {
			c.differ(full, "embedded is %v, want %v", other.Embedded(), field.Embedded())
		}
		c.tag(full, want.Tag(i), got.Tag(j))
	}
}

func fieldIndex(s *types.Struct, name string) int {
	for i := range s.NumFields() {
		if s.Field(i).Name() == name {
			return i
		}
	}
	return -1
}

func (c *comparison) tag(name, want, got string) {
	if exception, ok := c.exceptions[c.want.Name()+"."+name]; ok {
		want = exception
	}
	if want != got {
		c.differ(name, "tag is `%s`, want `%s`", got, want)
	}
}

// interfaces compares whole method sets, with those of embedded interfaces.
func (c *comparison) interfaces(name string, want, got *types.Interface) {
	wanted := make(map[string]*types.Func)
	for method := range want.Methods() {
		wanted[method.Name()] = method
	}
	for method := range got.Methods() {
		full := name + "." + method.Name()
		if want, ok := wanted[method.Name()]; ok {
			c.sameType(full, want.Type(), method.Type())
			delete(wanted, method.Name())
			continue
		}
		c.differ(full, "additional method in an interface")
	}
	for method := range want.Methods() {
		if _, missing := wanted[method.Name()]; missing {
			c.differ(name+"."+method.Name(), "missing")
		}
	}
}

// methods compares the methods of a type that is no interface.
func (c *comparison) methods(name string, want, got types.Type) {
	named, ok := types.Unalias(want).(*types.Named)
	if !ok || types.IsInterface(want) {
		return
	}
	for method := range named.Methods() {
		if method.Exported() {
			c.method(name, method, got)
		}
	}
}

func (c *comparison) method(name string, want *types.Func, got types.Type) {
	full := name + "." + want.Name()
	selection := types.NewMethodSet(types.NewPointer(got)).Lookup(c.got, want.Name())
	if selection == nil {
		c.differ(full, "missing")
		return
	}
	wantSignature := want.Signature()
	c.sameType(full, wantSignature, selection.Type())
	_, wantPointer := wantSignature.Recv().Type().(*types.Pointer)
	// A method of an embedded type counts: what matters is who has it.
	gotPointer := types.NewMethodSet(got).Lookup(c.got, want.Name()) == nil
	if wantPointer != gotPointer {
		c.differ(full, "pointer receiver is %v, want %v", gotPointer, wantPointer)
	}
}

// same tells whether the types are the same one, where a type of the package
// itself is wanted as a type of that name, an alias of another package's too.
func (c *comparison) same(want, got types.Type) bool {
	want, got = types.Unalias(want), types.Unalias(got)
	switch want := want.(type) {
	case *types.Named:
		return c.sameNamed(want, got)
	case *types.Pointer:
		got, ok := got.(*types.Pointer)
		return ok && c.same(want.Elem(), got.Elem())
	case *types.Slice:
		got, ok := got.(*types.Slice)
		return ok && c.same(want.Elem(), got.Elem())
	case *types.Array:
		got, ok := got.(*types.Array)
		return ok && want.Len() == got.Len() && c.same(want.Elem(), got.Elem())
	case *types.Map:
		got, ok := got.(*types.Map)
		return ok && c.same(want.Key(), got.Key()) && c.same(want.Elem(), got.Elem())
	case *types.Chan:
		got, ok := got.(*types.Chan)
		return ok && want.Dir() == got.Dir() && c.same(want.Elem(), got.Elem())
	case *types.Signature:
		got, ok := got.(*types.Signature)
		return ok && c.sameSignature(want, got)
	}
	return types.Identical(want, got)
}

func (c *comparison) sameNamed(want *types.Named, got types.Type) bool {
	if want.Obj().Pkg() != c.want {
		return types.Identical(want, got)
	}
	if object, ok := c.got.Scope().Lookup(want.Obj().Name()).(*types.TypeName); ok {
		return types.Identical(types.Unalias(object.Type()), got)
	}
	// Export data may leave an unexported type out of the package's scope.
	named, ok := got.(*types.Named)
	return ok && named.Obj().Pkg() == c.got && named.Obj().Name() == want.Obj().Name()
}

func (c *comparison) sameSignature(want, got *types.Signature) bool {
	return want.Variadic() == got.Variadic() &&
		want.TypeParams().Len() == got.TypeParams().Len() &&
		c.sameTuple(want.Params(), got.Params()) &&
		c.sameTuple(want.Results(), got.Results())
}

func (c *comparison) sameTuple(want, got *types.Tuple) bool {
	return slices.EqualFunc(slices.Collect(want.Variables()), slices.Collect(got.Variables()),
		func(want, got *types.Var) bool { return c.same(want.Type(), got.Type()) })
}

// checkPromoted checks that a value of the type has the field, be it promoted or
// not, with a type of the given name.
func checkPromoted(pkg *types.Package, typ, field, want string) error {
	name := pkg.Name() + "." + typ
	object := pkg.Scope().Lookup(typ)
	if object == nil {
		return fmt.Errorf("%s: missing", name)
	}
	found, _, _ := types.LookupFieldOrMethod(object.Type(), true, pkg, field)
	variable, ok := found.(*types.Var)
	if !ok {
		return fmt.Errorf("%s.%s: missing", name, field)
	}
	if got := variable.Type().String(); got != want {
		return fmt.Errorf("%s.%s: type is %s, want %s", name, field, got, want)
	}
	return nil
}
