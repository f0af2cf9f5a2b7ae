#!/usr/bin/env bash
# Installs what is missing on a Debian 12 machine, and nothing else: system packages (as root or with sudo) and a Python venv
# with the pinned LibTorch wheel and the peers that tests compare with. Quick when nothing is missing; safe to interrupt.
#   usage: scripts/setup.sh [base|test|lint|slurm|bench]...      default: base test; bench: a peer of make bench-loader
#   CATAMARAN_CACHE    where the venv and the downloaded wheels live, about 7 GB (default ~/.cache/catamaran)
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${CATAMARAN_CACHE:-$HOME/.cache/catamaran}
groups=("$@")
[[ ${#groups[@]} -gt 0 ]] || groups=(base test)

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() {
  printf 'set-up: error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else fail "needs root or sudo for: $*"; fi
}

missing_packages() {
  local group package
  while read -r group package _; do
    [[ $group == '#'* || -z $group ]] && continue
    [[ " ${groups[*]} " == *" $group "* ]] || continue
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] || printf '%s\n' "$package"
  done <scripts/debian-packages.txt
}

# Debian's prometheus and prometheus-alertmanager each start a server (ports 9090, 9093) when they are installed; here promtool, amtool and the
# servers that tests start are wanted, none of the machine. With systemd their services are masked, and stay so; without, Debian's way of saying
# "start nothing" is there for the moment. A package that is there already is left as it is.
policy=/usr/sbin/policy-rc.d
keep_prometheus_off() {
  local package services=()
  for package in "$@"; do
    if [[ $package == prometheus || $package == prometheus-alertmanager ]]; then services+=("$package.service"); fi
  done
  ((${#services[@]} > 0)) || return 0
  if [[ -d /run/systemd/system ]]; then
    say "masked, so that no server is started: ${services[*]} (systemctl unmask NAME, where one is wanted)"
    as_root systemctl --quiet mask "${services[@]}" || fail "systemctl could not mask ${services[*]}"
  elif [[ ! -e $policy ]]; then
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
}

install_packages() {
  command -v dpkg-query >/dev/null || fail "this is not Debian: install the packages of scripts/debian-packages.txt by your own means"
  local missing
  mapfile -t missing < <(missing_packages)
  [[ ${#missing[@]} -gt 0 ]] || return 0
  say "installing ${#missing[@]} Debian packages (about a minute): ${missing[*]}"
  keep_prometheus_off "${missing[@]}"
  local try log
  log=$(mktemp)
  for try in 1 2 3; do
    if as_root apt-get update -qq >"$log" 2>&1 &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    say "apt-get failed (try $try of 3)"
    sleep $((try * 3))
  done
  tail -15 "$log" >&2
  fail "apt-get could not install the packages; the lines above say why"
}

install_venv() {
  local python=/usr/bin/python3 key venv
  [[ -x $python ]] || python=$(command -v python3)
  key=$({ cat requirements.lock; "$python" --version; } | sha256sum | cut -c1-12)
  venv=$cache/venv-$key
  mkdir -p build "$cache"
  if [[ ! -e $venv/.complete ]]; then
    exec 9>"$cache/.lock"
    flock -n 9 || { say "another set-up is at work in $cache; waiting for it"; flock 9; }
    if [[ ! -e $venv/.complete ]]; then
      local free_gib
      free_gib=$(df --output=avail -BG "$cache" | tail -1 | tr -dc 0-9)
      [[ $free_gib -ge 8 ]] || fail "$cache has $free_gib GiB free, 8 are needed: set CATAMARAN_CACHE to a larger disk"
      say "installing LibTorch and the Python peers into $venv (0.5 to 2 GB to download, 7 GB on disk, about 3 minutes)"
      rm -rf "$venv"
      "$python" -m venv "$venv"
      local bar=(--progress-bar on)
      [[ -t 2 && -z ${CI:-} ]] || bar=(--progress-bar off)
      # Every wheel is checked against the SHA-256 in requirements.lock.
      "$venv/bin/python" -m pip install --disable-pip-version-check --cache-dir "$cache/pip" --require-hashes --only-binary :all: \
        --no-deps "${bar[@]}" -r requirements.lock 2>&1 | { grep --line-buffered -E '^(Collecting|ERROR|Installing|WARNING)|error|━' >&2 || true; } ||
        fail "pip could not install the packages of requirements.lock; the lines above say why. Run the same command again to go on"
      "$venv/bin/python" -c 'import torch, timm, h5py, sklearn, pycocotools, safetensors, pytest; print("set-up: LibTorch", torch.__version__)' >&2 ||
        fail "the Python packages are not usable; run the same command again, or delete $venv"
      touch "$venv/.complete"
    fi
    exec 9>&-
  fi
  [[ $(readlink build/venv 2>/dev/null) == "$venv" ]] || ln -sfn "$venv" build/venv
}

# Wheels that one benchmark alone needs, in a folder of their own, so that the venv stays what its lock says.
install_bench() {
  local key folder
  key=$(sha256sum <requirements-bench.lock | cut -c1-12)
  folder=$cache/bench-$key
  if [[ ! -e $folder/.complete ]]; then
    say "installing the peers of make bench-loader into $folder (0.7 GB, about half a minute)"
    rm -rf "$folder"
    build/venv/bin/python -m pip install --disable-pip-version-check --quiet --cache-dir "$cache/pip" --require-hashes --only-binary :all: \
      --no-deps --target "$folder" -r requirements-bench.lock >&2 ||
      fail "pip could not install the packages of requirements-bench.lock; the lines above say why. Run the same command again to go on"
    touch "$folder/.complete"
  fi
  [[ $(readlink build/bench-peers 2>/dev/null) == "$folder" ]] || ln -sfn "$folder" build/bench-peers
}

install_packages
install_venv
[[ " ${groups[*]} " != *" bench "* ]] || install_bench
