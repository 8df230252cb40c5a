// Package utils has what programs around containers need now and then: names,
// exit statuses, JSON files, and closing descriptors before an execve(2).
package utils

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
)

const (
	// exitSignalOffset is what shells add to the number of a signal that ended a
	// process to make an exit status of it.
	exitSignalOffset = 128

	// maxRandomName is the number of hexadecimal digits of 256 random bits.
	maxRandomName = 64
)

// GenerateRandomName returns prefix followed by size random hexadecimal digits,
// fit for names that nobody can guess. More than 64 digits are not given. A
// negative size is an error.
func GenerateRandomName(prefix string, size int) (string, error) {
	if size < 0 {
		return "", fmt.Errorf("generate a random name: negative size %d", size)
	}
	size = min(size, maxRandomName)
	random := make([]byte, (size+1)/2)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("generate a random name: %w", err)
	}
	return prefix + hex.EncodeToString(random)[:size], nil
}

// ResolveRootfs returns the path made absolute, clean and free of symbolic
// links, as Config.Rootfs must be. The path must exist.
func ResolveRootfs(uncleanRootfs string) (string, error) {
	absolute, err := filepath.Abs(uncleanRootfs)
	if err != nil {
		return "", fmt.Errorf("resolve root file system %q: %w", uncleanRootfs, err)
	}
	rootfs, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return "", fmt.Errorf("resolve root file system %q: %w", uncleanRootfs, err)
	}
	return rootfs, nil
}

// ExitStatus returns the exit status of a process that has ended as a shell
// would: 128 and the number of the signal when a signal ended it.
func ExitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return exitSignalOffset + int(status.Signal())
	}
	return status.ExitStatus()
}

// WriteJSON writes v as JSON to w, in one call of Write and without a line break
// at the end. Nothing is written when v can't be encoded.
func WriteJSON(w io.Writer, v interface{}) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
