#!/usr/bin/env bash
# Mutants of the code that decides, and which of them no unit test notices; see docs/mutants.md.
# Usage: mutants.sh [PATTERN ...]   a pattern such as 'aicr_pytest.run.*'; all of them without one
# mutmut is in a virtual environment of its own: it brings much that nothing else here needs.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=out/mutants-venv
wanted=$(cat requirements.lock pyproject.toml scripts/mutants.sh | sha256sum)
if [ "$(cat "$venv/.made-of" 2>/dev/null)" != "$wanted" ]; then
  echo "making $venv" >&2
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  printf '%s\n' "$wanted" >"$venv/.made-of"
fi
# Made anew: mutmut keeps what it has copied once.
rm -rf mutants
# Makes them, and sees which test calls what; judges none, which mutmut takes for a fault.
"$venv/bin/mutmut" run none >out/mutants.log 2>&1 || [ -s mutants/mutmut-stats.json ] || {
  tail -n 40 out/mutants.log >&2
  exit 1
}
cd mutants
exec nice "../$venv/bin/python" ../scripts/mutants.py "$@"
