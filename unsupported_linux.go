// The host's side: what the classic API declares and this version does not do
// yet. Each says so.

package libcontainer

func notSupported(what string) error {
	return errorf(SystemError, "%s: not supported yet", what)
}

// NewConsole returns an initialized console that can be used within a container
// by copying bytes from the master side to the slave that is attached as the tty
// for the container's init process. It is not supported yet and returns an error.
func NewConsole(uid, gid int) (Console, error) { return nil, notSupported("new console") }

// NewConsole creates new console for process and returns it. It is not supported
// yet and returns an error.
func (p *Process) NewConsole(rootuid int) (Console, error) {
	return nil, notSupported("new console of process")
}

// ConsoleFromPath sets the process's console with the path provided. It is not
// supported yet and returns an error.
func (p *Process) ConsoleFromPath(path string) error { return notSupported("console from path") }

func (c *linuxContainer) Checkpoint(*CriuOpts) error { return notSupported("checkpoint") }

func (c *linuxContainer) Restore(*Process, *CriuOpts) error { return notSupported("restore") }

func (c *linuxContainer) NotifyOOM() (<-chan struct{}, error) {
	return nil, notSupported("notify OOM")
}

func (c *linuxContainer) NotifyMemoryPressure(PressureLevel) (<-chan struct{}, error) {
	return nil, notSupported("notify memory pressure")
}
