package main

import "k8s.io/apimachinery/pkg/runtime/schema"

// What only kube-apiserver's own code knows: order of groups and versions, short names, categories,
// subresources that typed clients do not show, and the versions things are stored in.

type groupPriority struct {
	name     string
	priority int
	versions []versionPriority
}

type versionPriority struct {
	version  string
	priority int
}

// groupPriorities are in the order of discovery. The aggregator's own group stands first whatever its number.
var groupPriorities = []groupPriority{
	{"", 18000, []versionPriority{{"v1", 1}}},
	{"apiregistration.k8s.io", 18000, []versionPriority{{"v1", 18}}},
	{"apps", 17800, []versionPriority{{"v1", 15}}},
	{"events.k8s.io", 17750, []versionPriority{{"v1", 15}}},
	{"authentication.k8s.io", 17700, []versionPriority{{"v1", 15}, {"v1beta1", 9}, {"v1alpha1", 1}}},
	{"authorization.k8s.io", 17600, []versionPriority{{"v1", 15}}},
	{"autoscaling", 17500, []versionPriority{{"v2", 30}, {"v1", 15}}},
	{"batch", 17400, []versionPriority{{"v1", 15}}},
	{"certificates.k8s.io", 17300, []versionPriority{{"v1", 15}, {"v1beta1", 9}, {"v1alpha1", 1}}},
	{"networking.k8s.io", 17200, []versionPriority{{"v1", 15}, {"v1beta1", 9}}},
	{"policy", 17100, []versionPriority{{"v1", 15}}},
	{"rbac.authorization.k8s.io", 17000, []versionPriority{{"v1", 15}}},
	{"storage.k8s.io", 16800, []versionPriority{{"v1", 15}, {"v1beta1", 9}, {"v1alpha1", 1}}},
	{"admissionregistration.k8s.io", 16700, []versionPriority{{"v1", 15}, {"v1beta1", 12}, {"v1alpha1", 9}}},
	{"apiextensions.k8s.io", 16700, []versionPriority{{"v1", 15}}},
	{"scheduling.k8s.io", 16600, []versionPriority{{"v1", 15}, {"v1alpha2", 9}}},
	{"coordination.k8s.io", 16500, []versionPriority{{"v1", 15}, {"v1beta1", 13}, {"v1alpha2", 12}}},
	{"node.k8s.io", 16300, []versionPriority{{"v1", 15}}},
	{"discovery.k8s.io", 16200, []versionPriority{{"v1", 15}}},
	{"flowcontrol.apiserver.k8s.io", 16100, []versionPriority{{"v1", 21}}},
	{"internal.apiserver.k8s.io", 16000, []versionPriority{{"v1alpha1", 9}}},
	{"resource.k8s.io", 16200, []versionPriority{{"v1", 21}, {"v1beta2", 15}, {"v1beta1", 9}, {"v1alpha3", 1}}},
	{"storagemigration.k8s.io", 15800, []versionPriority{{"v1beta1", 9}}},
}

type exception struct {
	ShortNames   []string
	Categories   []string
	Verbs        []string
	Subresources []Subresource
}

var (
	everyVerb   = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
	proxyVerbs  = []string{"create", "delete", "get", "patch", "update"}
	streamVerbs = []string{"create", "get"}
	createOnly  = []string{"create"}
	all         = []string{"all"}
	extensions  = []string{"api-extensions"}
)

var resourceExceptions = map[string]exception{
	"/componentstatuses":      {ShortNames: []string{"cs"}, Verbs: []string{"get", "list"}},
	"/configmaps":             {ShortNames: []string{"cm"}},
	"/endpoints":              {ShortNames: []string{"ep"}},
	"/events":                 {ShortNames: []string{"ev"}},
	"/limitranges":            {ShortNames: []string{"limits"}},
	"/namespaces":             {ShortNames: []string{"ns"}, Subresources: []Subresource{{Name: "finalize", Kind: "Namespace", Verbs: []string{"update"}}}},
	"/nodes":                  {ShortNames: []string{"no"}, Subresources: []Subresource{{Name: "proxy", Kind: "NodeProxyOptions", Verbs: proxyVerbs}}},
	"/persistentvolumeclaims": {ShortNames: []string{"pvc"}},
	"/persistentvolumes":      {ShortNames: []string{"pv"}},
	"/pods": {ShortNames: []string{"po"}, Categories: all, Subresources: []Subresource{
		{Name: "attach", Kind: "PodAttachOptions", Verbs: streamVerbs},
		{Name: "binding", Kind: "Binding", Verbs: createOnly},
		{Name: "eviction", Group: "policy", Version: "v1", Kind: "Eviction", Verbs: createOnly},
		{Name: "exec", Kind: "PodExecOptions", Verbs: streamVerbs},
		{Name: "log", Kind: "Pod", Verbs: []string{"get"}},
		{Name: "portforward", Kind: "PodPortForwardOptions", Verbs: streamVerbs},
		{Name: "proxy", Kind: "PodProxyOptions", Verbs: proxyVerbs},
	}},
	"/replicationcontrollers": {ShortNames: []string{"rc"}, Categories: all},
	"/resourcequotas":         {ShortNames: []string{"quota"}},
	"/serviceaccounts": {ShortNames: []string{"sa"}, Subresources: []Subresource{
		{Name: "token", Group: "authentication.k8s.io", Version: "v1", Kind: "TokenRequest", Verbs: createOnly},
	}},
	"/services": {ShortNames: []string{"svc"}, Categories: all, Verbs: everyVerb, Subresources: []Subresource{
		{Name: "proxy", Kind: "ServiceProxyOptions", Verbs: proxyVerbs},
	}},

	"admissionregistration.k8s.io/mutatingadmissionpolicies":         {Categories: extensions},
	"admissionregistration.k8s.io/mutatingadmissionpolicybindings":   {Categories: extensions},
	"admissionregistration.k8s.io/mutatingwebhookconfigurations":     {Categories: extensions},
	"admissionregistration.k8s.io/validatingadmissionpolicies":       {Categories: extensions},
	"admissionregistration.k8s.io/validatingadmissionpolicybindings": {Categories: extensions},
	"admissionregistration.k8s.io/validatingwebhookconfigurations":   {Categories: extensions},
	"apiextensions.k8s.io/customresourcedefinitions":                 {ShortNames: []string{"crd", "crds"}, Categories: extensions},
	"apiregistration.k8s.io/apiservices":                             {Categories: extensions},
	"apps/daemonsets":                                                {ShortNames: []string{"ds"}, Categories: all},
	"apps/deployments":                                               {ShortNames: []string{"deploy"}, Categories: all},
	"apps/replicasets":                                               {ShortNames: []string{"rs"}, Categories: all},
	"apps/statefulsets":                                              {ShortNames: []string{"sts"}, Categories: all},
	"autoscaling/horizontalpodautoscalers":                           {ShortNames: []string{"hpa"}, Categories: all},
	"batch/cronjobs":                                                 {ShortNames: []string{"cj"}, Categories: all},
	"batch/jobs":                                                     {Categories: all},
	"certificates.k8s.io/certificatesigningrequests":                 {ShortNames: []string{"csr"}},
	"events.k8s.io/events":                                           {ShortNames: []string{"ev"}},
	"networking.k8s.io/ingresses":                                    {ShortNames: []string{"ing"}},
	"networking.k8s.io/ipaddresses":                                  {ShortNames: []string{"ip"}},
	"networking.k8s.io/networkpolicies":                              {ShortNames: []string{"netpol"}},
	"policy/poddisruptionbudgets":                                    {ShortNames: []string{"pdb"}},
	"scheduling.k8s.io/priorityclasses":                              {ShortNames: []string{"pc"}},
	"storage.k8s.io/storageclasses":                                  {ShortNames: []string{"sc"}},
	"storage.k8s.io/volumeattributesclasses":                         {ShortNames: []string{"vac"}},
}

// storageOverrides: otherwise a resource is stored in the first version of its group that has it.
// Events of both groups are the same objects; what became stable in 1.36 is stored as before for one release.
var storageOverrides = map[string]string{
	"events.k8s.io/events": "/v1",
	"admissionregistration.k8s.io/mutatingadmissionpolicies":       "admissionregistration.k8s.io/v1beta1",
	"admissionregistration.k8s.io/mutatingadmissionpolicybindings": "admissionregistration.k8s.io/v1beta1",
	"resource.k8s.io/devicetaintrules":                             "resource.k8s.io/v1alpha3",
}

// serverOnlyResources have no typed client in client-go.
var serverOnlyResources = map[schema.GroupVersion][]Resource{
	{Version: "v1"}: {
		{Name: "bindings", Singular: "binding", Kind: "Binding", Namespaced: true, Verbs: createOnly},
	},
	{Group: "apiextensions.k8s.io", Version: "v1"}: {
		{Name: "customresourcedefinitions", Singular: "customresourcedefinition", Kind: "CustomResourceDefinition", Verbs: everyVerb,
			Subresources: []Subresource{{Name: "status", Kind: "CustomResourceDefinition", Verbs: readWrite}}},
	},
	{Group: "apiregistration.k8s.io", Version: "v1"}: {
		{Name: "apiservices", Singular: "apiservice", Kind: "APIService", Verbs: everyVerb,
			Subresources: []Subresource{{Name: "status", Kind: "APIService", Verbs: readWrite}}},
	},
}

// deleteReturnsObject: a DELETE that removes the object at once answers with it, elsewhere with a Status.
var deleteReturnsObject = []string{
	"/persistentvolumeclaims",
	"/persistentvolumes",
	"/pods",
	"/podtemplates",
	"/resourcequotas",
	"/serviceaccounts",
	"/services",
	"resource.k8s.io/deviceclasses",
	"resource.k8s.io/resourceclaims",
	"resource.k8s.io/resourceclaimtemplates",
	"resource.k8s.io/resourceslices",
	"storage.k8s.io/csidrivers",
	"storage.k8s.io/csinodes",
	"storage.k8s.io/storageclasses",
	"storage.k8s.io/volumeattachments",
	"storage.k8s.io/volumeattributesclasses",
}
