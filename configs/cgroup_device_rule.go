package configs

// DeviceRule is one of Resources.DeviceRules, which have an order. It corresponds to
// an entry of linux.resources.devices of the OCI runtime specification.
type DeviceRule struct {
	// Allow allows the accesses; otherwise they are denied.
	Allow bool `json:"allow"`

	// Type is 'c' for character devices, 'b' for block devices, 'a' for both.
	Type rune `json:"type"`

	// Major is a major number, or Wildcard.
	Major int64 `json:"major"`

	// Minor is a minor number, or Wildcard.
	Minor int64 `json:"minor"`

	// Permissions are the accesses that the rule is about: some of "r" read, "w"
	// write and "m" mknod.
	Permissions string `json:"permissions"`
}
