#!/usr/bin/env bash
# Makes .venv and sees to Debian packages. Says what is missing where it cannot help.
# Usage: setup.sh [test]   "test" also wants what only our own tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(python3-venv gcc libc6-dev runc containernetworking-plugins busybox-static nftables iproute2)
[ "${1:-}" = test ] && packages+=(chromium)

say() { printf '%s\n' "$*" >&2; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

debian_packages() {
  local missing=() package
  for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    say "These Debian packages are missing: ${missing[*]}"
    say "Install them as root: apt-get install ${missing[*]}"
    exit 1
  fi
  say "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

if command -v dpkg-query >/dev/null; then
  debian_packages
else
  say "This is not Debian: gcc, runc, the CNI plugins, busybox, nft and ip have to be there; \`python -m aicr_lab up\` says which are missing."
fi

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  say "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed; PYTHON=… names another."
  exit 1
}
command -v go >/dev/null || { say "Go 1.26 or newer is needed and is not on the PATH."; exit 1; }
go_version=$(go env GOVERSION)
"$python" - "$go_version" <<'PY' || { say "$go_version is too old: Go 1.26 or newer is needed."; exit 1; }
import re, sys
found = re.match(r"go(\d+)\.(\d+)", sys.argv[1])
sys.exit(not found or (int(found[1]), int(found[2])) < (1, 26))
PY

wanted=$(cat requirements.lock pyproject.toml | sha256sum)
if [ "$(cat .venv/.made-of 2>/dev/null)" != "$wanted" ]; then
  say "making .venv"
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  printf '%s\n' "$wanted" >.venv/.made-of
fi
