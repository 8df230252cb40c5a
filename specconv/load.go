package specconv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// ConfigFile is the name of the configuration in a bundle's directory.
const ConfigFile = "config.json"

// maxFile is more than any engine writes, and little enough to be read at once: what is in
// a bundle may come from somebody else.
const maxFile = 16 << 20

// Load reads the configuration of the bundle in a directory. An error names the file, and
// the line or the property that is wrong.
func Load(bundle string) (*specs.Spec, error) {
	return read[specs.Spec](filepath.Join(bundle, ConfigFile))
}

// LoadProcess reads a process.json, which describes a further process.
func LoadProcess(file string) (*specs.Process, error) {
	return read[specs.Process](file)
}

// LoadResources reads a file that has what linux.resources of a config.json may have.
func LoadResources(file string) (*specs.LinuxResources, error) {
	return read[specs.LinuxResources](file)
}

func read[T any](file string) (*T, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", file, maxFile)
	}
	value, err := decode[T](data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return value, nil
}

func decode[T any](data []byte) (*T, error) {
	value := new(*T) // null leaves it nil
	if err := json.Unmarshal(data, value); err != nil {
		return nil, jsonError(data, err)
	}
	if *value == nil {
		return nil, errors.New("it is null, not an object")
	}
	return *value, nil
}

// jsonError says where the error is: a property if there is one, else a line.
func jsonError(data []byte, err error) error {
	var typeError *json.UnmarshalTypeError
	var syntaxError *json.SyntaxError
	switch {
	case errors.As(err, &typeError) && typeError.Field != "":
		return &FieldError{typeError.Field, fmt.Errorf("a JSON %s cannot be a %s (line %d)",
			typeError.Value, typeError.Type, lineOf(data, typeError.Offset))}
	case errors.As(err, &typeError):
		return fmt.Errorf("a JSON %s cannot be a %s", typeError.Value, typeError.Type)
	case errors.As(err, &syntaxError):
		return fmt.Errorf("line %d: %w", lineOf(data, syntaxError.Offset), err)
	}
	return err
}

func lineOf(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:max(0, min(offset, int64(len(data))))], []byte("\n"))
}
