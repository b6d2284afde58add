#!/usr/bin/env bash
# The tests that need no cluster, on the newest Python that the suite is said to run on.
# Usage: newest.sh [ARGUMENT ...]   arguments of pytest; tests/unit tests/plugin without any
# The interpreter is the build that uv installs, out of a Go module: its version is pinned, and the
# checksum database knows its sum.
set -euo pipefail
cd "$(dirname "$0")/.."

module=github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1
home=out/newest
wanted=$(cat requirements.lock pyproject.toml scripts/newest.sh | sha256sum)
if [ "$(cat "$home/.made-of" 2>/dev/null)" != "$wanted" ]; then
  echo "making $home" >&2
  rm -rf "$home"
  mkdir -p "$home"
  from=$(go mod download -json "$module" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
  cp -r "$from/python/internal/data/linux-$(go env GOARCH)" "$home/python"
  chmod -R u+w "$home/python"
  find "$home/python" -name '*.gz' -exec gunzip --force {} +
  chmod +x "$home"/python/bin/python3.*
  "$home"/python/bin/python3.14 -m venv --without-pip "$home/venv"
  pip() { .venv/bin/python -m pip --python "$home/venv/bin/python" --quiet --disable-pip-version-check "$@"; }
  pip install --require-hashes -r requirements.lock
  pip install --no-deps --no-build-isolation -e .
  printf '%s\n' "$wanted" >"$home/.made-of"
fi
[ $# -gt 0 ] || set -- tests/unit tests/plugin -n auto
exec "$home/venv/bin/python" -m pytest -p no:cacheprovider "$@"
