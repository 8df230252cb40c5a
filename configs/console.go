package configs

// ConsoleSize is the size of a terminal in characters, see TIOCSWINSZ in
// ioctl_tty(2). 0 means that nobody knows it.
type ConsoleSize struct {
	Height uint16 `json:"height"`
	Width  uint16 `json:"width"`
}
