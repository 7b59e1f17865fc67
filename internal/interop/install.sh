#!/usr/bin/env bash
# Installs the programs that the tests of this directory cannot do without:
# Ceph's daemons and gateway and Redis from the Debian archive, Fulcio and
# toxiproxy from source, and packages of npm (Node.js 20 or later). What is there
# already is left alone.
#
#   install.sh [DIR]   All but Ceph and Redis goes into DIR; without DIR into
#                      $CIOIDC_INTEROP_BIN, else into cioidc/interop in the
#                      user's cache directory.
#
# The tests look into $CIOIDC_INTEROP_BIN, else into that cache directory, and
# then along PATH: export CIOIDC_INTEROP_BIN=DIR after giving a DIR of your own.
set -eu

fulcio=github.com/sigstore/fulcio
fulcio_version=v1.8.8
dir=${1:-${CIOIDC_INTEROP_BIN:-${XDG_CACHE_HOME:-$HOME/.cache}/cioidc/interop}}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

missing=
for program in radosgw radosgw-admin ceph-mon ceph-osd ceph ceph-authtool monmaptool redis-server; do
	command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
	echo "install: Ceph and Redis (missing:$missing)"
	as_root apt-get update -q
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		radosgw ceph-mon ceph-osd ceph-common ceph-mgr redis-server
fi

mkdir -p "$dir"
installed=$(go version -m "$dir/fulcio" 2>/dev/null | awk '$1 == "mod" { print $2 "@" $3 }' || true)
if [ "$installed" != "$fulcio@$fulcio_version" ]; then
	echo "install: Fulcio $fulcio_version (some minutes of CPU time)"
	GOBIN=$dir GOFLAGS='' GOWORK=off go install "$fulcio@$fulcio_version"
fi
# The tests read Fulcio's own configuration out of the module cache, which may
# have been cleaned since the build.
(cd "$dir" && GOFLAGS='' GOWORK=off go mod download "$fulcio@$fulcio_version")

# toxiproxy: the network's faults. Its program is called server in its module.
toxiproxy=github.com/Shopify/toxiproxy/v2
toxiproxy_version=v2.12.0
installed=$(go version -m "$dir/toxiproxy-server" 2>/dev/null | awk '$1 == "mod" { print $2 "@" $3 }' || true)
if [ "$installed" != "$toxiproxy@$toxiproxy_version" ]; then
	echo "install: toxiproxy $toxiproxy_version (a minute of CPU time)"
	build=$(mktemp -d)
	GOBIN=$build GOFLAGS='' GOWORK=off go install "$toxiproxy/cmd/server@$toxiproxy_version"
	mv "$build/server" "$dir/toxiproxy-server"
	rmdir "$build"
fi

# npm_package NAME VERSION installs a package into DIR/npm/NAME. It is code that
# only the tests run: what its own installation would run is not.
npm_package() {
	local to=$dir/npm/$1
	if ! grep -qsF "\"version\": \"$2\"" "$to/node_modules/$1/package.json"; then
		echo "install: $1 $2"
		rm -rf "$to" && mkdir -p "$to"
		npm install --prefix "$to" --no-audit --no-fund --ignore-scripts --loglevel=error "$1@$2"
	fi
}
npm_package google-auth-library 10.9.1
npm_package oidc-provider 9.13.3

echo "install: $(command -v radosgw), $(command -v redis-server), $dir/fulcio, $dir/toxiproxy-server, $dir/npm"
