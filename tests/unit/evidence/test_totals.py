"""run.json tells what ran and what was taken out, as the folder has it."""

from pathlib import Path

import pytest

from aicr_pytest import __version__
from aicr_pytest.evidence.provenance import fingerprint, hashes, suite_files, tool
from aicr_pytest.evidence.record import read_records
from aicr_pytest.evidence.redaction.marks import marks_in
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RunInfo
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.evidence.totals import completed, images_that_ran
from aicr_pytest.locations import suite_dir

TOKEN = "hf_" + "a1B2c3D4" * 5


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", {}),
        ("[redacted] and [redacted: token]", {"secret": 2}),
        ("node-3fa9c1c2/node-3fa9c1c2, address-00000000", {"node": 2, "address": 1}),
        ("https://server-3fa9c1c2:6443", {"server": 1}),
        ("my-node-3fa9c1c2 node-3fa9c1c2x node-3fa9 pod-3fa9c1c2 redacted", {}),
    ],
)
def test_marks_are_counted_by_class(text: str, counts: dict[str, int]) -> None:
    assert marks_in(text) == counts


def test_what_redaction_takes_out_is_counted(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn("node", "gpu-pool-7.customer.example")
    store = EvidenceStore.open(tmp_path, "run-1", redactor)
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    evidence.text("Log", f"gpu-pool-7.customer.example {TOKEN}\n10.0.0.1", source="s")
    evidence.fact("node", "gpu-pool-7.customer.example")
    evidence.images({"nvcr.io/x:1": "sha256:" + "ab" * 32})
    store.end(evidence, "passed")

    run = completed(RunInfo(run_id="run-1"), tmp_path)

    assert run.replaced == {"node": 2, "secret": 1}
    assert run.images == {"nvcr.io/x:1": "sha256:" + "ab" * 32}
    assert store.write_run(run) == run  # and is published as it is


def test_image_of_several_digests_has_them_all(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    for name, digest in (("test_x", "sha256:b"), ("test_y", "sha256:a"), ("test_z", "sha256:b")):
        store.begin("x", name, title="X", proves="", basis="text").images({"x:1": digest})

    assert images_that_ran(read_records(tmp_path)) == {"x:1": "sha256:a, sha256:b"}


def test_suite_is_told_by_its_modules_and_manifests(tmp_path: Path) -> None:
    theirs = tmp_path / "test_theirs.py"
    theirs.write_text("")

    files = suite_files(
        [str(suite_dir() / "test_gang_scheduling.py"), str(theirs)], ["gang_scheduling"]
    )

    assert set(files) == {
        "conformance/test_gang_scheduling.py",
        "manifests/gang_scheduling/blocker.yaml",
        "manifests/gang_scheduling/companion.yaml",
        "manifests/gang_scheduling/member.yaml",
        "others/test_theirs.py",
    }
    assert Redactor().object(files) == files


def test_changed_file_changes_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("1")
    before = fingerprint(hashes({"x": path}))
    path.write_text("2")

    assert fingerprint(hashes({"x": path})) != before
    assert hashes({"gone": tmp_path / "gone"}) == {"gone": ""}


def test_tool_is_named_by_version_and_code() -> None:
    assert tool().startswith(f"aicr-pytest {__version__} (sha256:")
    assert Redactor().publish(tool()) == tool()
