// Command generate-api writes what packages/apimachinery needs to know about the built-in API types:
// field names, numbers, tags, markers, defaults, enums, and which resources are served. It takes facts
// from the published Go modules and leaves prose behind.
package main

import (
	"flag"
	"log"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "folder to write to (packages/apimachinery/generated)")
	flag.Parse()
	if *out == "" {
		log.Fatal("generate-api: -out is required")
	}

	scheme := newScheme()
	model := walk(scheme)
	checkProto(model)
	addOpenAPIFacts(model)

	writeTypesJSON(filepath.Join(*out, "types.json"), model)
	writeTypeScript(filepath.Join(*out, "types"), model)
	writeResourcesJSON(filepath.Join(*out, "resources.json"), scheme, model)
}
