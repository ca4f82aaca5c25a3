package main

import (
	"bytes"
	"encoding/json"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// writeTypesJSON writes one line a field, so that a new Kubernetes version makes a readable diff.
func writeTypesJSON(file string, model *Model) {
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, name := range slices.Sorted(maps.Keys(model.Packages)) {
		pkg := model.Packages[name]
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(jsonOf(name) + ": {\"groupVersion\": " + jsonOf(pkg.GroupVersion) + ", \"types\": {\n")
		for j, typeName := range slices.Sorted(maps.Keys(pkg.Types)) {
			s := pkg.Types[typeName]
			if j > 0 {
				b.WriteString(",\n")
			}
			b.WriteString(" " + jsonOf(typeName) + ": [" + jsonOf(typeFacts(s)))
			for _, m := range s.Members {
				b.WriteString(",\n  " + jsonOf(memberRow(m, name)))
			}
			b.WriteString("]")
		}
		b.WriteString("}}")
	}
	b.WriteString("\n}\n")
	writeFile(file, b.Bytes())
}

type typeRow struct {
	Kind       bool           `json:"kind,omitempty"`
	Atomic     bool           `json:"atomic,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

func typeFacts(s *Struct) typeRow {
	return typeRow{s.Kind, s.Atomic, s.Extensions}
}

type memberFacts struct {
	Default       any            `json:"default,omitempty"`
	Enum          []any          `json:"enum,omitempty"`
	ItemDefault   any            `json:"itemDefault,omitempty"`
	ItemEnum      []any          `json:"itemEnum,omitempty"`
	Format        string         `json:"format,omitempty"`
	Nullable      bool           `json:"nullable,omitempty"`
	PatchStrategy string         `json:"patchStrategy,omitempty"`
	PatchMergeKey string         `json:"patchMergeKey,omitempty"`
	ListType      string         `json:"listType,omitempty"`
	ListMapKeys   []string       `json:"listMapKeys,omitempty"`
	MapType       string         `json:"mapType,omitempty"`
	Extensions    map[string]any `json:"extensions,omitempty"`
}

// memberRow is [name, type, flags, proto number, facts], shortened from the end. An inlined struct has
// the name "". Flags: o omitempty, z omitzero, p pointer, r required.
func memberRow(m *Member, home string) []any {
	flags := ""
	for _, f := range []struct {
		set  bool
		flag string
	}{{m.OmitEmpty, "o"}, {m.OmitZero, "z"}, {m.Pointer, "p"}, {m.Required, "r"}} {
		if f.set {
			flags += f.flag
		}
	}
	name := m.Name
	if m.Inline {
		name = ""
	}
	row := []any{name, m.Type.String(home), flags, m.Proto}
	facts := memberFacts{m.Default, m.Enum, m.ItemDefault, m.ItemEnum, m.Format, m.Nullable,
		m.PatchStrategy, m.PatchMergeKey, m.ListType, m.ListMapKeys, m.MapType, m.Extensions}
	if jsonOf(facts) != "{}" {
		return append(row, facts)
	}
	if m.Proto == 0 {
		row = row[:3]
		if flags == "" {
			row = row[:2]
		}
	}
	return row
}

func jsonOf(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		log.Fatal(err)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func writeFile(file string, data []byte) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		log.Fatal(err)
	}
}
