// Command protobuf-fixtures prints objects as client-go sends them: JSON and protobuf of the same object.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		log.Fatal(err)
	}
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	rows := []map[string]any{}
	for _, object := range objects() {
		gvks, _, err := scheme.Scheme.ObjectKinds(object)
		if err != nil {
			log.Fatal(err)
		}
		object.GetObjectKind().SetGroupVersionKind(kindOf(gvks))
		var encoded bytes.Buffer
		if err := serializer.Encode(object, &encoded); err != nil {
			log.Fatal(err)
		}
		text, err := json.Marshal(object)
		if err != nil {
			log.Fatal(err)
		}
		rows = append(rows, map[string]any{"json": string(text), "protobuf": base64.StdEncoding.EncodeToString(encoded.Bytes())})
	}
	text, _ := json.MarshalIndent(rows, "", " ")
	fmt.Println(string(text))
}

// kindOf prefers v1 of the core group for the options that every group has.
func kindOf(gvks []schema.GroupVersionKind) schema.GroupVersionKind {
	for _, gvk := range gvks {
		if gvk.Group == "" && gvk.Version == "v1" {
			return gvk
		}
	}
	return gvks[0]
}

func objects() []runtime.Object {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	labels := map[string]string{"app": "web", "": "empty", "ünï": "長い"}
	return []runtime.Object{
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "web", GenerateName: "web-", Labels: labels, CreationTimestamp: at, Finalizers: []string{"a/b"},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "u", Controller: ptr(true)}},
				ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m", Operation: "Apply", APIVersion: "v1", Time: &at, FieldsType: "FieldsV1",
					FieldsV1: metav1.NewFieldsV1(`{"f:spec":{".":{}}}`)}}},
			Spec: corev1.PodSpec{
				TerminationGracePeriodSeconds: ptr(int64(0)), AutomountServiceAccountToken: ptr(false), NodeSelector: map[string]string{"a": ""},
				Containers: []corev1.Container{{Name: "c", Image: "img", Command: []string{"sh", ""},
					Ports:         []corev1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}},
					Env:           []corev1.EnvVar{{Name: "A", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "cm"}, Key: "k"}}}},
					Resources:     corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("1.5Gi")}},
					LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}}},
				}},
				Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr(resource.MustParse("1Gi"))}}}},
			},
		},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "d"}, Spec: appsv1.DeploymentSpec{Replicas: ptr(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: labels, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k", Operator: "Exists"}}},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: ptr(intstr.FromString("25%")), MaxUnavailable: ptr(intstr.FromInt32(-1))}}}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"a": {0, 255, 16}, "e": {}}, Immutable: ptr(false)},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
		&corev1.Node{Status: corev1.NodeStatus{Capacity: corev1.ResourceList{"pods": resource.MustParse("110")}, Images: []corev1.ContainerImage{{SizeBytes: 1 << 60}}}},
		&corev1.Event{Count: 3, EventTime: metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))},
		&corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "5", RemainingItemCount: ptr(int64(7))}, Items: []corev1.Pod{{}}},
		&appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(`{"spec":{"z":1,"a":9007199254740993}}`)}, Revision: 1 << 62},
		&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: ptr(metav1.NewMicroTime(time.Unix(1700000000, 1000))), LeaseTransitions: ptr(int32(-1))}},
		&discoveryv1.EndpointSlice{AddressType: "IPv4", Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr(false)}}}},
		&metav1.DeleteOptions{GracePeriodSeconds: ptr(int64(0)), PropagationPolicy: ptr(metav1.DeletePropagationForeground), Preconditions: &metav1.Preconditions{UID: ptr(types.UID("u"))}, DryRun: []string{"All"}},
		&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}},
		&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "p"}, DeleteOptions: &metav1.DeleteOptions{}},
		&corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Target: corev1.ObjectReference{Kind: "Node", Name: "n"}},
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"a"}, ExpirationSeconds: ptr(int64(600))}},
		&authenticationv1.TokenReview{Status: authenticationv1.TokenReviewStatus{User: authenticationv1.UserInfo{Extra: map[string]authenticationv1.ExtraValue{"k": {"a", ""}, "none": {}}}}},
		&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Resource: "pods"}}},
		&apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{Group: "example.com", Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1",
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Maximum: ptr(1.5),
				Default:              &apiextensionsv1.JSON{Raw: []byte(`{"b":1,"a":[]}`)},
				Properties:           map[string]apiextensionsv1.JSONSchemaProps{"p": {XIntOrString: true}},
				AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &apiextensionsv1.JSONSchemaProps{Type: "string"}},
				AdditionalItems:      &apiextensionsv1.JSONSchemaPropsOrBool{},
				Items:                &apiextensionsv1.JSONSchemaPropsOrArray{JSONSchemas: []apiextensionsv1.JSONSchemaProps{{Type: "a"}, {Type: "b"}}},
				Dependencies:         apiextensionsv1.JSONSchemaDependencies{"d": {Property: []string{"x", "y"}}},
			}}}}}},
	}
}

func ptr[T any](v T) *T { return &v }
