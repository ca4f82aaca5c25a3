#!/usr/bin/env bash
# Fails when packages/apimachinery/generated is not what scripts/update-api.sh writes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$here/update-api.sh" "$fresh"
if ! diff -r "$fresh" "$here/../packages/apimachinery/generated"; then
  echo "packages/apimachinery/generated is out of date: run scripts/update-api.sh" >&2
  exit 1
fi
