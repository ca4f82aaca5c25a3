#!/usr/bin/env bash
# Installs on Debian, as root, what the tests use beyond npm's packages: a Docker engine, kubectl, helm, strace, nftables,
# Java for DynamoDB Local, and a Python with MiniStack (an AWS emulator), AWS's service models (botocore) and cfn-lint.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools="${NODELESS_TOOLS:-$HOME/.cache/nodeless-tools}"
mkdir -p "$tools"

packages=()
command -v dockerd >/dev/null || packages+=(docker.io)
command -v strace >/dev/null || packages+=(strace)
command -v nft >/dev/null || packages+=(nftables)
command -v curl >/dev/null || packages+=(curl)
command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || packages+=(maven)
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || packages+=(busybox-static)
if [ ${#packages[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null
fi

if ! docker version >/dev/null 2>&1; then
  nohup dockerd >"$tools/dockerd.log" 2>&1 &
  for _ in $(seq 60); do
    docker version >/dev/null 2>&1 && break
    sleep 1
  done
  docker version >/dev/null || { tail -n 20 "$tools/dockerd.log"; exit 1; }
fi

# kubectl of the version that is served, from its Go module; kept between runs.
if ! "$tools/kubectl" version --client 2>/dev/null | grep -q 'v1\.36\.'; then
  (cd "$here/kubectl" && go build -ldflags "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" -o "$tools/kubectl" .)
fi
[ -x "$tools/helm" ] || GOBIN="$tools" go install helm.sh/helm/v3/cmd/helm@v3.22.0

# The client-go program that the tests of informers run.
(cd "$here/../../test/fixtures/informer-go" && go build -ldflags "-s -w" -o "$tools/nodeless-informer-go" .)

# The AWS emulator and what the AWS tests judge by, in versions that the tests know; kept between runs.
emulator="$tools/aws-emulator"
pinned=$(grep -v '^#' "$here/aws-emulator.txt")
if ! "$emulator/bin/python" -c 'import ministack' 2>/dev/null || [ "$(cat "$emulator/installed.txt" 2>/dev/null)" != "$pinned" ]; then
  python3 -m venv --clear "$emulator"
  "$emulator/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/aws-emulator.txt"
  printf '%s\n' "$pinned" >"$emulator/installed.txt"
fi

# The Java client's informer, with the jars that it needs; kept between runs.
java_informer="$tools/informer-java"
fixture="$here/../../test/fixtures/informer-java"
if [ ! -e "$java_informer/classes/Informer.class" ] || ! cmp -s "$fixture/pom.xml" "$java_informer/pom.xml" ||
  ! cmp -s "$fixture/Informer.java" "$java_informer/Informer.java"; then
  rm -rf "$java_informer"
  mkdir -p "$java_informer"
  mvn -q -B -f "$fixture/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$java_informer/lib"
  javac -cp "$java_informer/lib/*" -d "$java_informer/classes" "$fixture/Informer.java"
  cp "$fixture/pom.xml" "$fixture/Informer.java" "$java_informer/"
fi
