package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var (
	protoMessage = regexp.MustCompile(`^message (\w+) \{$`)
	protoField   = regexp.MustCompile(`^\s+(optional|repeated|map<string,) ?([\w.]+)>? (\w+) = (\d+);`)
)

// checkProto compares the numbers and wire types read from struct tags with the .proto files that the
// modules publish, which clients of other languages are made from.
func checkProto(model *Model) {
	checked := 0
	for _, pkg := range model.Packages {
		file := filepath.Join(packageDir(pkg.GoPath), "generated.proto")
		text, err := os.ReadFile(file)
		if err != nil {
			continue // packages without protobuf
		}
		var s *Struct
		for _, line := range strings.Split(string(text), "\n") {
			if m := protoMessage.FindStringSubmatch(line); m != nil {
				s = pkg.Types[m[1]]
			} else if m := protoField.FindStringSubmatch(line); m != nil && s != nil {
				checkProtoField(s, m[1], m[2], m[3], m[4])
				checked++
			}
		}
	}
	if checked < 3000 {
		log.Fatalf("only %d fields found in .proto files", checked)
	}
}

func checkProtoField(s *Struct, label, typeName, name, number string) {
	n, _ := strconv.Atoi(number)
	for _, m := range s.Members {
		if m.Proto != n {
			continue
		}
		t := m.Type
		wantLabel := "optional"
		if t.Kind == "list" && !t.Message {
			wantLabel, t = "repeated", t.Elem
		} else if t.Kind == "map" {
			wantLabel, t = "map<string,", t.Elem
		}
		if label != wantLabel || !sameProtoType(t, typeName) {
			log.Printf("%s.%s: .proto has %s %s %s = %d", s.Name, m.Name, label, typeName, name, n)
		}
		return
	}
	log.Printf("%s: no field with number %d (%s)", s.Name, n, name)
}

func sameProtoType(t *Type, typeName string) bool {
	short := typeName[strings.LastIndex(typeName, ".")+1:]
	switch t.Kind {
	case "float64":
		return typeName == "double"
	case "string", "bool", "int32", "int64", "bytes":
		return typeName == t.Kind
	case "ref":
		return short == t.Ref
	case "list":
		return short == t.GoName[strings.LastIndex(t.GoName, ".")+1:]
	}
	if of, ok := strings.CutPrefix(t.Kind, "schema"); ok {
		return short == "JSONSchemaProps"+of
	}
	return strings.EqualFold(short, t.Kind)
}

func packageDir(goPath string) string {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", goPath).Output()
	if err != nil {
		log.Fatalf("go list %s: %v", goPath, err)
	}
	return strings.TrimSpace(string(out))
}
