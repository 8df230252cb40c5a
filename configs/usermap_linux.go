package configs

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/moby/sys/user"
)

// joinedMappings reads the mappings, which are those of file, of a user namespace by a
// process that is in it: the kernel tells them of processes alone, in the ids of who
// reads (user_namespaces(7)).
func joinedMappings(path, file string) ([]IDMap, error) {
	fail := func(err error) ([]IDMap, error) {
		return nil, fmt.Errorf("read %s of user namespace %s: %w", file, path, err)
	}
	ns, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if isUserNamespace("self", ns) {
		return []IDMap{{Size: int(^uint(0) >> 1)}}, nil // it is our own: nothing is mapped
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil || !isUserNamespace(e.Name(), ns) {
			continue
		}
		lines, err := user.ParseIDMapFile("/proc/" + e.Name() + "/" + file)
		if err != nil || !isUserNamespace(e.Name(), ns) {
			continue // it has ended, and another one may have its pid
		}
		var mappings []IDMap
		for _, l := range lines {
			mappings = append(mappings, IDMap{ContainerID: int(l.ID), HostID: int(l.ParentID), Size: int(l.Count)})
		}
		return mappings, nil
	}
	return fail(errors.New("there is no process in it"))
}

func isUserNamespace(pid string, ns os.FileInfo) bool {
	info, err := os.Stat("/proc/" + pid + "/ns/user")
	return err == nil && os.SameFile(info, ns)
}
