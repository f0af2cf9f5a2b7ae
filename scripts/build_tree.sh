#!/usr/bin/env bash
# From a clean checkout to an installed tree, in one step and without what only tests need: for containers and packages. Sets up
# what is missing (as root or with sudo), builds in build/tree, and installs. `make install` is the same beside a build with tests.
#   usage: scripts/build_tree.sh PREFIX [CMAKE-OPTION...]
set -euo pipefail
prefix=${1:?usage: scripts/build_tree.sh PREFIX [CMAKE-OPTION...]}
[[ $prefix == /* ]] || { echo "build_tree: error: '$prefix' is no absolute path" >&2 && exit 2; }
shift
cd "$(dirname "$0")/.."
scripts/setup.sh base
cmake --preset release -B build/tree -DBUILD_TESTING=OFF "$@"
ninja -C build/tree catamaran
cmake --install build/tree --prefix "$prefix"
