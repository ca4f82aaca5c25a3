package main

import (
	"log"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// scalars are the types with a JSON form of their own.
var scalars = map[string]string{
	"k8s.io/apimachinery/pkg/api/resource.Quantity":                                         "quantity",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":                                             "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":                                        "microTime",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":                                         "duration",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":                                         "fieldsV1",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":                                          "rawExtension",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":                                       "intOrString",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON":                         "json",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray":       "schemaOrArray",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool":        "schemaOrBool",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaOrStringArray",
}

var basics = map[reflect.Kind]string{
	reflect.String: "string", reflect.Bool: "bool", reflect.Int32: "int32", reflect.Int64: "int64",
	reflect.Float64: "float64", reflect.Interface: "any",
}

type marshaler interface{ Marshal() ([]byte, error) }

type walker struct {
	model *Model
	seen  map[reflect.Type]bool
}

// walk visits every type reachable from the scheme's kinds.
func walk(scheme *runtime.Scheme) *Model {
	w := &walker{model: &Model{Packages: map[string]*Package{}}, seen: map[reflect.Type]bool{}}
	for gvk, t := range scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal {
			continue
		}
		s := w.visit(t)
		if isHome(gvk, t) {
			s.Kind = true
			s.Package.GroupVersion = gvk.GroupVersion().String()
		}
	}
	for _, t := range extraRoots() {
		w.visit(t)
	}
	return w.model
}

// isHome tells a group's own kinds from the options and events that meta/v1 adds to every group.
func isHome(gvk schema.GroupVersionKind, t reflect.Type) bool {
	return gvk.Kind == t.Name() && !strings.HasPrefix(t.PkgPath(), "k8s.io/apimachinery/")
}

func (w *walker) visit(t reflect.Type) *Struct {
	pkgName, name := modelName(t)
	pkg := w.model.pkg(pkgName, t.PkgPath())
	if w.seen[t] {
		return pkg.Types[name]
	}
	w.seen[t] = true
	s := &Struct{Package: pkg, Name: name}
	pkg.Types[name] = s
	for i := range t.NumField() {
		if m := w.member(t, t.Field(i)); m != nil {
			s.Members = append(s.Members, m)
		}
	}
	return s
}

func (w *walker) member(owner reflect.Type, f reflect.StructField) *Member {
	tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if tag == "-" || !f.IsExported() {
		return nil
	}
	opts := strings.Split(options, ",")
	m := &Member{
		Name:          tag,
		Inline:        has(opts, "inline") || (f.Anonymous && tag == ""),
		OmitEmpty:     has(opts, "omitempty"),
		OmitZero:      has(opts, "omitzero"),
		PatchStrategy: f.Tag.Get("patchStrategy"),
		PatchMergeKey: f.Tag.Get("patchMergeKey"),
	}
	if !m.Inline && tag == "" {
		log.Fatalf("%s.%s has no JSON name", owner, f.Name)
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		m.Pointer = true
		t = t.Elem()
	}
	m.Type = w.typeOf(t)
	if pb := f.Tag.Get("protobuf"); pb != "" && pb != "-" {
		parts := strings.Split(pb, ",")
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			log.Fatalf("%s.%s: protobuf tag %q", owner, f.Name, pb)
		}
		m.Proto = number
	}
	return m
}

func (w *walker) typeOf(t reflect.Type) *Type {
	full := t.PkgPath() + "." + t.Name()
	if kind, ok := scalars[full]; ok {
		return &Type{Kind: kind}
	}
	named := ""
	if t.PkgPath() != "" {
		named = t.String()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.typeOf(t.Elem())
	case reflect.Struct:
		w.visit(t)
		pkg, name := modelName(t)
		return &Type{Kind: "ref", Package: pkg, Ref: name}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Type{Kind: "bytes", GoName: named}
		}
		return &Type{Kind: "list", GoName: named, Message: named != "" && isMessage(t), Elem: w.typeOf(t.Elem())}
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			log.Fatalf("%s: map key is no string", t)
		}
		if named != "" && isMessage(t) {
			log.Fatalf("%s: a map that is a message", t)
		}
		return &Type{Kind: "map", GoName: named, Elem: w.typeOf(t.Elem())}
	}
	if kind, ok := basics[t.Kind()]; ok {
		return &Type{Kind: kind, GoName: named}
	}
	log.Fatalf("%s: kind %s is not known", t, t.Kind())
	return nil
}

func isMessage(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[marshaler]())
}

// modelName splits a type's OpenAPI name: k8s.io/api/core/v1 Pod is io.k8s.api.core.v1 and Pod.
func modelName(t reflect.Type) (pkg, name string) {
	full := ""
	if namer, ok := reflect.New(t).Interface().(interface{ OpenAPIModelName() string }); ok {
		full = namer.OpenAPIModelName()
	} else {
		parts := strings.Split(t.PkgPath(), "/")
		host := strings.Split(parts[0], ".")
		for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
			host[i], host[j] = host[j], host[i]
		}
		parts[0] = strings.Join(host, ".")
		full = strings.Join(parts, ".") + "." + t.Name()
	}
	dot := strings.LastIndex(full, ".")
	return full[:dot], full[dot+1:]
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
