package specconv_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/specconv"
)

// A bundle is read and converted; Config goes to a factory's Create, and Process to Start.
func Example() {
	bundle, err := os.MkdirTemp("", "bundle-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(bundle)
	const config = `{
		"ociVersion": "1.3.0",
		"root": {"path": "rootfs"},
		"process": {"args": ["sleep", "1"], "cwd": "/", "user": {"uid": 7, "gid": 8}},
		"linux": {
			"namespaces": [{"type": "mount"}, {"type": "pid"}],
			"resources": {"memory": {"limit": 1048576}, "pids": {"limit": 10}}
		}
	}`
	if err := os.WriteFile(filepath.Join(bundle, specconv.ConfigFile), []byte(config), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(bundle, "rootfs"), 0o755); err != nil {
		log.Fatal(err)
	}

	spec, err := specconv.Load(bundle)
	if err != nil {
		log.Fatal(err)
	}
	result, err := specconv.Convert(spec, &specconv.Options{ID: "one", Bundle: bundle})
	if err != nil {
		log.Fatal(err)
	}
	for _, warning := range result.Warnings {
		log.Print(warning)
	}
	fmt.Println(result.Process.Args, result.Process.User)
	fmt.Println(result.Config.Namespaces)
	fmt.Println(result.Config.Cgroups.Name, result.Config.Cgroups.Memory, result.Config.Cgroups.PidsLimit)
	// Output:
	// [sleep 1] 7:8
	// [{NEWNS } {NEWPID }]
	// one 1048576 10
}

// An error says which property is wrong.
func ExampleConvert_error() {
	spec := specconv.Example()
	spec.Root.Path = "/"
	spec.Linux.Namespaces[0].Type = "pids"
	_, err := specconv.Convert(spec, nil)
	fmt.Println(err)
	// Output:
	// linux.namespaces[0].type: "pids" is not a type of namespaces
}
