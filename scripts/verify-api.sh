#!/usr/bin/env bash
# Fails when packages/apimachinery/generated or test/fixtures/protobuf.json is not what scripts/update-api.sh writes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$here/update-api.sh" "$fresh/generated" "$fresh/protobuf.json"
if ! diff -r "$fresh/generated" "$here/../packages/apimachinery/generated" || ! diff "$fresh/protobuf.json" "$here/../test/fixtures/protobuf.json"; then
  echo "generated files are out of date: run scripts/update-api.sh" >&2
  exit 1
fi
