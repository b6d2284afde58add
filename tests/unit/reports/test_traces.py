"""What a run made and took away, out of its journal."""

import json
from pathlib import Path

import pytest

from aicr_pytest.reports.traces import made_and_deleted

NAMESPACE = "/api/v1/namespaces/aicr-1"


def journal(directory: Path, *requests: tuple[str, str, int], more: str = "") -> Path:
    lines = [
        json.dumps({"method": method, "path": path, "status": status})
        for method, path, status in requests
    ]
    (directory / "requests.jsonl").write_text("\n".join(lines) + "\n" + more)
    return directory


def test_what_was_made_is_set_beside_what_was_deleted(tmp_path: Path) -> None:
    directory = journal(
        tmp_path,
        ("POST", "/api/v1/namespaces", 201),
        ("POST", f"{NAMESPACE}/pods", 201),
        ("PATCH", "/apis/resource.k8s.io/v1/namespaces/aicr-1/resourceclaims/c?force=true", 201),
        ("PATCH", f"{NAMESPACE}/pods/p", 200),
        ("DELETE", f"{NAMESPACE}/pods/p", 200),
        ("DELETE", f"{NAMESPACE}/pods/q", 404),
        ("DELETE", NAMESPACE, 200),
    )

    assert made_and_deleted(directory) == [
        ("namespaces", 1, 1), ("pods", 1, 1), ("resourceclaims", 1, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("POST", f"{NAMESPACE}/pods?dryRun=All"),
        ("POST", f"{NAMESPACE}/pods/p/exec"),
        ("POST", "/version"),
        ("GET", f"{NAMESPACE}/pods"),
    ],
)
def test_questions_make_nothing(tmp_path: Path, method: str, path: str) -> None:
    assert made_and_deleted(journal(tmp_path, (method, path, 201))) == []


def test_a_journal_that_broke_off_is_read_up_to_there(tmp_path: Path) -> None:
    directory = journal(tmp_path, ("POST", f"{NAMESPACE}/pods", 201), more='{"method": "DE')

    assert made_and_deleted(directory) == [("pods", 1, 0)]
    assert made_and_deleted(tmp_path / "elsewhere") == []
