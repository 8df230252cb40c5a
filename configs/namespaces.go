package configs

// Namespace is a namespace that the container gets, see namespaces(7).
type Namespace struct {
	// Type is one of NamespaceTypes.
	Type NamespaceType `json:"type"`

	// Path is the file of an existing namespace to join, such as
	// /proc/1234/ns/net. Empty makes a new one.
	Path string `json:"path"`
}

// Namespaces are the namespaces that a container gets, at most one of a type.
type Namespaces []Namespace

// Add adds a namespace of type t with the path, or a new one when path is empty.
// It replaces the namespace of that type, if there is one.
func (n *Namespaces) Add(t NamespaceType, path string) {
	if i := n.index(t); i >= 0 {
		(*n)[i].Path = path
		return
	}
	*n = append(*n, Namespace{Type: t, Path: path})
}

// Remove removes the namespace of type t, which is then shared with the host. It
// tells whether there was one.
func (n *Namespaces) Remove(t NamespaceType) bool {
	i := n.index(t)
	if i < 0 {
		return false
	}
	// A new slice: the old array may be shared with a copy of the Config.
	kept := make(Namespaces, 0, len(*n)-1)
	kept = append(kept, (*n)[:i]...)
	*n = append(kept, (*n)[i+1:]...)
	return true
}

// Contains tells whether there is a namespace of type t, new or joined.
func (n *Namespaces) Contains(t NamespaceType) bool {
	return n.index(t) >= 0
}

// PathOf returns the path of the namespace of type t. It is empty when the
// namespace is a new one and when there is none.
func (n *Namespaces) PathOf(t NamespaceType) string {
	if i := n.index(t); i >= 0 {
		return (*n)[i].Path
	}
	return ""
}

// Creates tells whether there is a namespace of type t that is a new one.
func (n *Namespaces) Creates(t NamespaceType) bool {
	i := n.index(t)
	return i >= 0 && (*n)[i].Path == ""
}

func (n *Namespaces) index(t NamespaceType) int {
	for i, ns := range *n {
		if ns.Type == t {
			return i
		}
	}
	return -1
}
