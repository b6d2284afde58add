"""What a run made on the cluster and took away again, as its journal of requests tells."""

import json
from collections import Counter
from pathlib import Path

_JOURNAL = "requests.jsonl"
_LONGEST = 64 * 1024
"""Characters of a line; a longer one is none of ours."""
_ANSWERED_ONLY = ("reviews", "tokenreviews")
"""How resources end that are questions: nothing of them stays."""


def made_and_deleted(directory: Path) -> list[tuple[str, int, int]]:
    """Resource, how many were made, how many deleted one by one; empty without a journal."""
    made: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    try:
        with (directory / _JOURNAL).open(encoding="utf-8", errors="replace") as lines:
            for line in iter(lambda: lines.readline(_LONGEST), ""):
                _count(line, made, deleted)
    except OSError:
        return []
    return [(name, made[name], deleted[name]) for name in sorted(made | deleted)]


def _count(line: str, made: Counter[str], deleted: Counter[str]) -> None:
    try:
        entry = json.loads(line)
        method, path, status = entry["method"], str(entry["path"]), int(entry["status"])
    except (ValueError, TypeError, KeyError):
        return  # the last line of a run that was killed
    if "dryRun=" in path:
        return
    resource = _resource(path.partition("?")[0])
    if not resource or resource.endswith(_ANSWERED_ONLY):
        return
    if method in ("POST", "PATCH") and status == 201:
        made[resource] += 1
    elif method == "DELETE" and status in (200, 202):
        deleted[resource] += 1


def _resource(path: str) -> str:
    """``pods`` of ``/api/v1/namespaces/x/pods/y``; empty for a subresource and the like."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    return rest[0] if 0 < len(rest) <= 2 else ""
