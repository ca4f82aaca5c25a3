package main

import (
	"log"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	admissionv1beta1 "k8s.io/api/admission/v1beta1"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	apidiscoveryv2beta1 "k8s.io/api/apidiscovery/v2beta1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	imagepolicyv1alpha1 "k8s.io/api/imagepolicy/v1alpha1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	apiregistrationv1beta1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1beta1"
)

// newScheme registers every group version that an API server, its webhooks or its clients may speak of.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme,
		metav1.AddMetaToScheme,
		apiextensionsv1.AddToScheme,
		apiregistrationv1.AddToScheme,
		apiregistrationv1beta1.AddToScheme,
		apidiscoveryv2.AddToScheme,
		apidiscoveryv2beta1.AddToScheme,
		admissionv1.AddToScheme,
		admissionv1beta1.AddToScheme,
		imagepolicyv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	return scheme
}

// extraRoots are types that no registered kind mentions but that go over the wire.
func extraRoots() []reflect.Type {
	return []reflect.Type{
		// What autoscaling/v1 keeps of v2 in annotations.
		reflect.TypeFor[autoscalingv1.MetricSpec](),
		reflect.TypeFor[autoscalingv1.MetricStatus](),
		reflect.TypeFor[autoscalingv1.HorizontalPodAutoscalerCondition](),
		reflect.TypeFor[metav1.APIGroup](),
		reflect.TypeFor[metav1.APIGroupList](),
		reflect.TypeFor[metav1.APIResourceList](),
		reflect.TypeFor[metav1.APIVersions](),
		reflect.TypeFor[metav1.ApplyOptions](),
		reflect.TypeFor[metav1.Condition](),
		reflect.TypeFor[metav1.CreateOptions](),
		reflect.TypeFor[metav1.DeleteOptions](),
		reflect.TypeFor[metav1.GetOptions](),
		reflect.TypeFor[metav1.LabelSelector](),
		reflect.TypeFor[metav1.List](),
		reflect.TypeFor[metav1.ListOptions](),
		reflect.TypeFor[metav1.PartialObjectMetadata](),
		reflect.TypeFor[metav1.PartialObjectMetadataList](),
		reflect.TypeFor[metav1.Patch](),
		reflect.TypeFor[metav1.PatchOptions](),
		reflect.TypeFor[metav1.Status](),
		reflect.TypeFor[metav1.Table](),
		reflect.TypeFor[metav1.TableOptions](),
		reflect.TypeFor[metav1.UpdateOptions](),
		reflect.TypeFor[metav1.WatchEvent](),
		reflect.TypeFor[version.Info](),
	}
}
