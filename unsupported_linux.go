// The host's side: what the classic API declares and this version does not do
// yet. Each says so.

package libcontainer

func notSupported(what string) error {
	return errorf(SystemError, "%s: not supported yet", what)
}

func (c *linuxContainer) Checkpoint(*CriuOpts) error { return notSupported("checkpoint") }

func (c *linuxContainer) Restore(process *Process, _ *CriuOpts) error {
	process.closeFiles() // as Start does: nobody else does
	return notSupported("restore")
}
