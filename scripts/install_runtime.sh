#!/usr/bin/env bash
# Makes a Debian 12 system ready for an installed Catamaran tree (`make install`): the libraries that it does not bring, and for
# containers a user that is not root. As root; safe to repeat. slurm/Containerfile and slurm/catamaran.def call it.
#   usage: scripts/install_runtime.sh [--print] [--user NAME]
#   --print       only name the packages
#   --user NAME   make this user, too (number 1000), and delete apt's lists, as an image wants it
#   CATAMARAN_ROOT  in front of the folders that it deletes from (tests)
set -euo pipefail
packages=$(dirname "$0")/debian-packages.txt
print=no user=
while (($#)); do
  case $1 in
  --print) print=yes ;;
  --user) user=${2:?--user wants a name} && shift ;;
  *) echo "install_runtime: error: '$1' is no option: --print, --user NAME" >&2 && exit 2 ;;
  esac
  shift
done
mapfile -t wanted < <(awk '$1 == "runtime" { print $2 }' "$packages")
((${#wanted[@]})) || { echo "install_runtime: error: $packages names no package of the group runtime" >&2 && exit 1; }
if [[ $print == yes ]]; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${wanted[@]}"
if [[ $user ]]; then
  id "$user" >/dev/null 2>&1 || useradd --uid 1000 --create-home --shell /bin/bash "$user"
  rm -rf "${CATAMARAN_ROOT:-}"/var/lib/apt/lists/*
fi
