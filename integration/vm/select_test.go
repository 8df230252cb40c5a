package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWorldTests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go": "package x\n\nfunc TestB(t *testing.T) {}\nfunc TestMain(m *testing.M) {}\nfunc helper() {}\n",
		"b_test.go": "//world:any\n\npackage x\n\nfunc TestC(t *testing.T) {}\n",
		"c_test.go": "// About //world:any.\npackage x\n\n//world:any\nfunc TestA(t *testing.T) {}\nfunc (x) TestD() {}\n",
		"f_test.go": "//world:one\n\npackage x\n\nfunc TestF(t *testing.T) {}\n",
		"d.go":      "package x\n\nfunc TestE(t *testing.T) {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for one, want := range map[bool]string{false: "^(TestA|TestB)$", true: "^(TestA|TestB|TestF)$"} {
		if got, err := worldTests(dir, one); err != nil || got != want {
			t.Errorf("pattern %q, error %v; want %q", got, err, want)
		}
	}
	if _, err := worldTests(t.TempDir(), true); err == nil {
		t.Error("no error in an empty directory")
	}
	if err := os.WriteFile(filepath.Join(dir, "e_test.go"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := worldTests(dir, false); err == nil || !strings.Contains(err.Error(), "e_test.go") {
		t.Errorf("error %v names no file", err)
	}
}

func TestRestOfTests(t *testing.T) {
	dir := t.TempDir()
	text := "package x\n\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) {}\nfunc TestC(t *testing.T) {}\nfunc TestOther(t *testing.T) {}\n"
	if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := results{{"TestB/sub", "pass", ""}, {"TestB", "fail", noEnd}}
	for pattern, want := range map[string]string{
		"^(TestA|TestB|TestC)$": "^(TestA|TestC)$", "": "^(TestA|TestC|TestOther)$", "^TestB$": "", "TestC/sub": "",
	} {
		if got, err := restOfTests(dir, pattern, begun); err != nil || got != want {
			t.Errorf("of %q: %q, error %v; want %q", pattern, got, err, want)
		}
	}
	if _, err := restOfTests(dir, "(", begun); err == nil {
		t.Error("no error for a malformed pattern")
	}
}

// What is chosen of the real tests is a part of them.
func TestWorldTestsOfTheSuite(t *testing.T) {
	for _, one := range []bool{false, true} {
		got, err := worldTests("..", one)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, "|TestSystemd") || strings.Contains(got, "TestSysctl") || strings.Contains(got, "|TestEverythingIsRestored") != one {
			t.Errorf("one %v: pattern %s", one, got)
		}
	}
}
