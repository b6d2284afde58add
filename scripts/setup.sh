#!/usr/bin/env bash
# Makes .venv and sees to the programs that are needed: installs what is missing, after a question
# where a person is at the terminal. AICR_NO_INSTALL=1: says what is missing instead.
# Usage: setup.sh [test]   "test" also wants what only our own tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  say "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed; PYTHON=… names another."
  exit 1
}
# One list, one way to install: the lab's own. It needs nothing but Python.
"$python" -m aicr_lab.needs "$@"

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
  # pip is the one that Python brings; it installs only what the lock's hashes name.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  printf '%s\n' "$wanted" >.venv/.made-of
fi
