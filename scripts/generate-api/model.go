package main

// Model holds every type by its OpenAPI package (io.k8s.api.core.v1) and name.
type Model struct {
	Packages map[string]*Package
}

type Package struct {
	Name         string // io.k8s.api.core.v1
	GoPath       string // k8s.io/api/core/v1
	GroupVersion string // "v1", "apps/v1"; empty where the package is no API group
	Types        map[string]*Struct
}

type Struct struct {
	Package    *Package
	Name       string
	Kind       bool // registered as a kind of its package's group version
	Atomic     bool
	Extensions map[string]any
	Members    []*Member
}

// Member is a JSON field, or (Inline) a struct whose fields appear among its owner's.
type Member struct {
	Name   string
	Inline bool
	Type   *Type

	OmitEmpty bool
	OmitZero  bool
	Pointer   bool
	Proto     int // 0: not in protobuf

	PatchStrategy string
	PatchMergeKey string

	// From OpenAPI.
	Required    bool
	Default     any // only what a marker sets, not Go's zero value
	Enum        []any
	ItemDefault any
	ItemEnum    []any
	Nullable    bool
	ListType    string
	ListMapKeys []string
	MapType     string
	Format      string // only where the type does not imply it
	Extensions  map[string]any
}

// Type is the shape of a value. Kind is a scalar's name, or list, map, ref.
type Type struct {
	Kind    string
	GoName  string // v1.Protocol, for named types other than structs
	Message bool   // a list that protobuf wraps in a message (items = 1)
	Elem    *Type
	Package string
	Ref     string
}

func (m *Model) pkg(name, goPath string) *Package {
	p := m.Packages[name]
	if p == nil {
		p = &Package{Name: name, GoPath: goPath, Types: map[string]*Struct{}}
		m.Packages[name] = p
	}
	return p
}

// String gives the compact form that types.json holds; schema.ts has its grammar.
func (t *Type) String(home string) string {
	prefix := ""
	if t.GoName != "" {
		prefix = "<" + t.GoName + ">"
	}
	switch t.Kind {
	case "list":
		if t.Message {
			prefix += "!"
		}
		return prefix + "[]" + t.Elem.String(home)
	case "map":
		return prefix + "{}" + t.Elem.String(home)
	case "ref":
		if t.Package == home {
			return prefix + "#" + t.Ref
		}
		return prefix + "#" + t.Package + "." + t.Ref
	}
	return prefix + t.Kind
}
