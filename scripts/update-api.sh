#!/usr/bin/env bash
# Writes packages/apimachinery/generated and test/fixtures/protobuf.json from the Go modules that
# scripts/generate-api/go.mod pins. Needs Go and its module proxy.
# Arguments: another folder and another fixture file to write to (scripts/verify-api.sh).
set -euo pipefail
cd "$(dirname "$0")/generate-api"
out=${1:-../../packages/apimachinery/generated}
fixtures=${2:-../../test/fixtures/protobuf.json}

# The OpenAPI definitions of the types, with the markers of their comments evaluated: an intermediate.
rm -rf definitions && mkdir definitions
mapfile -t packages < <(go list k8s.io/api/... | grep /v)
go tool openapi-gen \
  --output-dir definitions --output-pkg nodeless/scripts/generate-api/definitions \
  --output-file zz_generated.openapi.go --report-filename /dev/null \
  "${packages[@]}" \
  k8s.io/apimachinery/pkg/api/resource \
  k8s.io/apimachinery/pkg/apis/meta/v1 \
  k8s.io/apimachinery/pkg/runtime \
  k8s.io/apimachinery/pkg/util/intstr \
  k8s.io/apimachinery/pkg/version \
  k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1 \
  k8s.io/kube-aggregator/pkg/apis/apiregistration/v1 \
  k8s.io/kube-aggregator/pkg/apis/apiregistration/v1beta1

rm -rf "$out/types"
go run . -out "$out"
go run ./protobuf-fixtures > "$fixtures"
