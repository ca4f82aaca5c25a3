package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"log"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
)

// targetMinor is the Kubernetes minor version whose served APIs are written.
const targetMinor = 36

type Group struct {
	Name     string    `json:"name"`
	Priority int       `json:"priority"`
	Versions []Version `json:"versions"`
}

type Version struct {
	Version   string     `json:"version"`
	Priority  int        `json:"priority"`
	Default   bool       `json:"default"`
	Resources []Resource `json:"resources"`
}

type Resource struct {
	Name                string        `json:"name"`
	Singular            string        `json:"singular"`
	Kind                string        `json:"kind"`
	Model               string        `json:"model"`
	ListModel           string        `json:"listModel,omitempty"`
	Namespaced          bool          `json:"namespaced"`
	Verbs               []string      `json:"verbs"`
	ShortNames          []string      `json:"shortNames,omitempty"`
	Categories          []string      `json:"categories,omitempty"`
	Storage             string        `json:"storage,omitempty"`
	StorageVersionHash  string        `json:"storageVersionHash,omitempty"`
	DeleteReturnsObject bool          `json:"deleteReturnsObject,omitempty"`
	Subresources        []Subresource `json:"subresources,omitempty"`
}

type Subresource struct {
	Name    string   `json:"name"`
	Group   string   `json:"group,omitempty"`
	Version string   `json:"version,omitempty"`
	Kind    string   `json:"kind"`
	Model   string   `json:"model"`
	Verbs   []string `json:"verbs"`
}

var methodVerbs = map[string]string{
	"Create": "create", "Delete": "delete", "DeleteCollection": "deletecollection", "Get": "get",
	"List": "list", "Patch": "patch", "Update": "update", "Watch": "watch",
}

var readWrite = []string{"get", "patch", "update"}

// writeResourcesJSON joins what the typed clients show with what only the server's own code has (facts.go).
func writeResourcesJSON(file string, scheme *runtime.Scheme, model *Model) {
	byGroupVersion := map[schema.GroupVersion][]Resource{}
	for _, found := range clientResources(scheme) {
		if !isServed(scheme, found.gvk) {
			continue
		}
		gv := found.gvk.GroupVersion()
		byGroupVersion[gv] = append(byGroupVersion[gv], found.Resource)
	}
	for gv, list := range serverOnlyResources {
		byGroupVersion[gv] = append(byGroupVersion[gv], list...)
	}

	var groups []Group
	for _, g := range groupPriorities {
		group := Group{Name: g.name, Priority: g.priority}
		for _, v := range g.versions {
			gv := schema.GroupVersion{Group: g.name, Version: v.version}
			list := byGroupVersion[gv]
			delete(byGroupVersion, gv)
			if len(list) == 0 {
				continue
			}
			for i := range list {
				complete(scheme, gv, &list[i])
			}
			slices.SortFunc(list, func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
			isDefault := !strings.Contains(v.version, "alpha") && !strings.Contains(v.version, "beta")
			group.Versions = append(group.Versions, Version{v.version, v.priority, isDefault, list})
		}
		setStorage(&group)
		groups = append(groups, group)
	}
	for gv := range byGroupVersion {
		log.Fatalf("%s is served but has no priority", gv)
	}
	writeFile(file, resourcesJSON(groups))
}

type clientResource struct {
	Resource
	gvk schema.GroupVersionKind
}

// clientResources reads the typed clients' interfaces: names, kinds, verbs and subresources.
func clientResources(scheme *runtime.Scheme) []clientResource {
	var all []clientResource
	clients := reflect.TypeFor[kubernetes.Interface]()
	for i := range clients.NumMethod() {
		m := clients.Method(i)
		if m.Name == "Discovery" {
			continue
		}
		group := m.Type.Out(0)
		for j := range group.NumMethod() {
			getter := group.Method(j)
			if getter.Name == "RESTClient" || getter.Name == "Evictions" {
				continue
			}
			all = append(all, clientResourceOf(scheme, getter))
		}
	}
	return all
}

func clientResourceOf(scheme *runtime.Scheme, getter reflect.Method) clientResource {
	methods := getter.Type.Out(0)
	create, ok := methods.MethodByName("Create")
	if !ok {
		log.Fatalf("%s has no Create", getter.Name)
	}
	object := reflect.New(create.Type.Out(0).Elem()).Interface().(runtime.Object)
	gvks, _, err := scheme.ObjectKinds(object)
	if err != nil {
		log.Fatal(err)
	}
	gvk := gvks[0]
	plural, singular := meta.UnsafeGuessKindToResource(gvk)
	r := Resource{Name: plural.Resource, Singular: singular.Resource, Kind: gvk.Kind, Namespaced: getter.Type.NumIn() > 0}
	for k := range methods.NumMethod() {
		switch name := methods.Method(k).Name; name {
		case "UpdateStatus":
			r.Subresources = append(r.Subresources, Subresource{Name: "status", Kind: gvk.Kind, Verbs: readWrite})
		case "UpdateApproval", "UpdateEphemeralContainers", "UpdateResize":
			sub := strings.ToLower(strings.TrimPrefix(name, "Update"))
			r.Subresources = append(r.Subresources, Subresource{Name: sub, Kind: gvk.Kind, Verbs: readWrite})
		case "UpdateScale":
			r.Subresources = append(r.Subresources, Subresource{Name: "scale", Group: "autoscaling", Version: "v1", Kind: "Scale", Verbs: readWrite})
		default:
			if verb, ok := methodVerbs[name]; ok {
				r.Verbs = append(r.Verbs, verb)
			}
		}
	}
	return clientResource{r, gvk}
}

// isServed asks the type's lifecycle: a version removed by the target is in the Go module still.
func isServed(scheme *runtime.Scheme, gvk schema.GroupVersionKind) bool {
	if !hasPriority(gvk.GroupVersion()) {
		return false
	}
	object, err := scheme.New(gvk)
	if err != nil {
		log.Fatal(err)
	}
	if removed, ok := object.(interface{ APILifecycleRemoved() (int, int) }); ok {
		_, minor := removed.APILifecycleRemoved()
		return minor > targetMinor
	}
	return true
}

func hasPriority(gv schema.GroupVersion) bool {
	for _, g := range groupPriorities {
		for _, v := range g.versions {
			if g.name == gv.Group && v.version == gv.Version {
				return true
			}
		}
	}
	return false
}

func complete(scheme *runtime.Scheme, gv schema.GroupVersion, r *Resource) {
	more := resourceExceptions[key(gv.Group, r.Name)]
	r.ShortNames = more.ShortNames
	r.Categories = more.Categories
	r.DeleteReturnsObject = slices.Contains(deleteReturnsObject, key(gv.Group, r.Name))
	if more.Verbs != nil {
		r.Verbs = more.Verbs
	}
	r.Subresources = append(r.Subresources, more.Subresources...)
	slices.SortFunc(r.Subresources, func(a, b Subresource) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(r.Verbs)
	r.Model = kindModel(scheme, gv.WithKind(r.Kind))
	if slices.Contains(r.Verbs, "list") {
		r.ListModel = kindModel(scheme, gv.WithKind(r.Kind+"List"))
	}
	for i := range r.Subresources {
		sub := &r.Subresources[i]
		of := gv
		if sub.Version != "" {
			of = schema.GroupVersion{Group: sub.Group, Version: sub.Version}
		}
		sub.Model = kindModel(scheme, of.WithKind(sub.Kind))
	}
}

func kindModel(scheme *runtime.Scheme, gvk schema.GroupVersionKind) string {
	object, err := scheme.New(gvk)
	if err != nil {
		log.Fatal(err)
	}
	pkg, name := modelName(reflect.TypeOf(object).Elem())
	return pkg + "." + name
}

// setStorage gives every stored resource the version it is stored in: one for all versions of a group.
func setStorage(g *Group) {
	chosen := map[string]string{}
	for _, v := range g.Versions {
		for _, r := range v.Resources {
			if chosen[r.Name] == "" {
				chosen[r.Name] = g.Name + "/" + v.Version
			}
		}
	}
	for name := range chosen {
		if override, ok := storageOverrides[key(g.Name, name)]; ok {
			chosen[name] = override
		}
	}
	for i := range g.Versions {
		for j := range g.Versions[i].Resources {
			r := &g.Versions[i].Resources[j]
			if !slices.Contains(r.Verbs, "watch") {
				continue
			}
			r.Storage = strings.TrimPrefix(chosen[r.Name], "/")
			sum := sha256.Sum256([]byte(chosen[r.Name] + "/" + r.Kind))
			r.StorageVersionHash = base64.StdEncoding.EncodeToString(sum[:8])
		}
	}
}

// resourcesJSON writes one line a resource.
func resourcesJSON(groups []Group) []byte {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, g := range groups {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("{\"name\": " + jsonOf(g.Name) + ", \"priority\": " + jsonOf(g.Priority) + ", \"versions\": [")
		for j, v := range g.Versions {
			if j > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n {\"version\": " + jsonOf(v.Version) + ", \"priority\": " + jsonOf(v.Priority) +
				", \"default\": " + jsonOf(v.Default) + ", \"resources\": [")
			for k, r := range v.Resources {
				if k > 0 {
					b.WriteString(",")
				}
				b.WriteString("\n  " + jsonOf(r))
			}
			b.WriteString("]}")
		}
		b.WriteString("]}")
	}
	b.WriteString("\n]\n")
	return b.Bytes()
}

func key(group, resource string) string { return group + "/" + resource }
