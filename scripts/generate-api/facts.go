package main

import (
	"log"
	"reflect"
	"sort"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"nodeless/scripts/generate-api/definitions"
)

const (
	extListType      = "x-kubernetes-list-type"
	extListMapKeys   = "x-kubernetes-list-map-keys"
	extMapType       = "x-kubernetes-map-type"
	extPatchStrategy = "x-kubernetes-patch-strategy"
	extPatchMergeKey = "x-kubernetes-patch-merge-key"
)

// addOpenAPIFacts adds what the markers in the types' comments say, as openapi-gen has understood them.
// What follows from the Go type alone (zero-value defaults, formats) is not stored but checked.
func addOpenAPIFacts(model *Model) {
	defs := definitions.GetOpenAPIDefinitions(func(path string) spec.Ref { return spec.MustCreateRef(path) })
	for _, pkg := range model.Packages {
		for _, s := range pkg.Types {
			def, ok := defs[pkg.Name+"."+s.Name]
			if !ok {
				def, ok = defs[pkg.GoPath+"."+s.Name]
			}
			if !ok {
				// admission.k8s.io is spoken to webhooks, never served: it has no definitions.
				if pkg.GoPath == "k8s.io/api/admission/v1" || pkg.GoPath == "k8s.io/api/admission/v1beta1" {
					continue
				}
				log.Printf("no OpenAPI definition: %s.%s", pkg.Name, s.Name)
				continue
			}
			addStructFacts(s, def)
		}
	}
}

func addStructFacts(s *Struct, def common.OpenAPIDefinition) {
	where := s.Package.Name + "." + s.Name
	for k, v := range def.Schema.Extensions {
		switch {
		case k == extMapType && v == "atomic":
			s.Atomic = true
		case k == common.ExtensionV2Schema:
		default:
			if s.Extensions == nil {
				s.Extensions = map[string]any{}
			}
			s.Extensions[k] = v
		}
	}
	required := map[string]bool{}
	for _, r := range def.Schema.Required {
		required[r] = true
	}
	for _, m := range s.Members {
		if m.Inline {
			continue
		}
		prop, ok := def.Schema.Properties[m.Name]
		if !ok {
			log.Printf("no OpenAPI property: %s.%s", where, m.Name)
			continue
		}
		m.Required = required[m.Name]
		m.Nullable = prop.Nullable
		m.Enum = sorted(prop.Enum)
		if !reflect.DeepEqual(normal(prop.Default), impliedDefault(m.Type, m.OmitEmpty, m.Pointer)) {
			m.Default = prop.Default
		}
		elem := elementSchema(&prop)
		if elem != nil {
			m.ItemEnum = sorted(elem.Enum)
			if !reflect.DeepEqual(normal(elem.Default), impliedDefault(m.Type.Elem, false, false)) {
				m.ItemDefault = elem.Default
				if elem.Default == nil {
					log.Printf("%s.%s: no item default", where, m.Name)
				}
			}
		}
		if prop.Format != impliedFormat(m.Type) {
			m.Format = prop.Format
		}
		for k, v := range prop.Extensions {
			switch k {
			case extListType:
				m.ListType = v.(string)
			case extListMapKeys:
				for _, key := range v.([]any) {
					m.ListMapKeys = append(m.ListMapKeys, key.(string))
				}
			case extMapType:
				m.MapType = v.(string)
			case extPatchStrategy:
				if v != m.PatchStrategy {
					log.Fatalf("%s.%s: patch strategy %v, tag %q", where, m.Name, v, m.PatchStrategy)
				}
			case extPatchMergeKey:
				if v != m.PatchMergeKey {
					log.Fatalf("%s.%s: patch merge key %v, tag %q", where, m.Name, v, m.PatchMergeKey)
				}
			default:
				if m.Extensions == nil {
					m.Extensions = map[string]any{}
				}
				m.Extensions[k] = v
			}
		}
	}
}

func elementSchema(prop *spec.Schema) *spec.Schema {
	if prop.Items != nil {
		return prop.Items.Schema
	}
	if prop.AdditionalProperties != nil {
		return prop.AdditionalProperties.Schema
	}
	return nil
}

// impliedDefault is the default that OpenAPI shows for a value whose Go type has no nil.
func impliedDefault(t *Type, omitEmpty, pointer bool) any {
	if pointer || t == nil {
		return nil
	}
	switch t.Kind {
	case "ref":
		return map[string]any{}
	case "string":
		return unless(omitEmpty, "")
	case "bool":
		return unless(omitEmpty, false)
	case "int32", "int64", "float64":
		return unless(omitEmpty, float64(0))
	}
	return nil
}

func unless(omitEmpty bool, v any) any {
	if omitEmpty {
		return nil
	}
	return v
}

func impliedFormat(t *Type) string {
	switch t.Kind {
	case "int32", "int64":
		return t.Kind
	case "float64":
		return "double"
	case "bytes":
		return "byte"
	}
	return ""
}

// normal makes numbers comparable.
func normal(v any) any {
	switch n := v.(type) {
	case int:
		return float64(n)
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	case map[string]any:
		if len(n) == 0 {
			return map[string]any{}
		}
	}
	return v
}

func sorted(values []any) []any {
	sort.Slice(values, func(i, j int) bool { return values[i].(string) < values[j].(string) })
	return values
}
