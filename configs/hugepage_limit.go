package configs

// HugepageLimit limits the huge pages of one size.
type HugepageLimit struct {
	// Pagesize is the size as in the kernel's file names: "2MB", "1GB".
	Pagesize string `json:"page_size"`

	// Limit is the limit in bytes.
	Limit uint64 `json:"limit"`
}
