package main

import "k8s.io/apimachinery/pkg/runtime"

func writeResourcesJSON(file string, scheme *runtime.Scheme, model *Model) {}
