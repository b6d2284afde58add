"""A change of the evidence after the run does not go unseen."""

import hashlib
import json
from pathlib import Path

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import verify, write_manifest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/01-out.txt").write_text("out")
    (tmp_path / "run.json").write_text("{}")
    write_manifest(tmp_path)
    return tmp_path


def test_manifest_lists_every_file_but_itself(run: Path) -> None:
    told = json.loads((run / "manifest.json").read_text())

    assert told["files"] == [
        {"path": "a/01-out.txt", "size": 3, "sha256": hashlib.sha256(b"out").hexdigest()},
        {"path": "run.json", "size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()},
    ]


def test_untouched_directory_verifies(run: Path) -> None:
    assert verify(run) == []


def test_each_difference_is_one_line(run: Path) -> None:
    (run / "a/01-out.txt").write_text("OUT")
    (run / "run.json").unlink()
    (run / "new").write_text("")

    assert verify(run) == ["changed: a/01-out.txt", "not listed: new", "missing: run.json"]


def test_links_and_remnants_that_came_later_are_told(run: Path) -> None:
    (run / "a/.writing-1-x").write_text("half")
    (run / "link").symlink_to("/etc/hostname")

    assert verify(run) == ["not listed: a/.writing-1-x", "not listed: link"]


def test_remnants_of_a_killed_run_are_gone_before_it_is_sealed(run: Path) -> None:
    (run / "a/.writing-1-x").write_text("half")

    write_manifest(run)

    assert verify(run) == []
    assert not (run / "a/.writing-1-x").exists()


@pytest.mark.parametrize("name", ["manifest.json.sig", "manifest.json.sigstore.json"])
def test_signature_of_the_manifest_may_lie_beside_it(run: Path, name: str) -> None:
    (run / name).write_text("signature")

    assert verify(run) == []


def test_manifest_that_says_another_size_is_changed_itself(run: Path) -> None:
    text = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(text.replace('"size": 3', '"size": 4'))

    assert verify(run) == ["changed: manifest.json"]


def test_manifest_that_names_a_file_twice_is_refused(run: Path) -> None:
    told = json.loads((run / "manifest.json").read_text())
    told["files"].append(told["files"][0])
    (run / "manifest.json").write_text(json.dumps(told))

    with pytest.raises(SettingsError, match=r"names a file twice: 'a/01-out\.txt'"):
        verify(run)


def test_directory_without_a_manifest_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"manifest\.json: cannot be read"):
        verify(tmp_path)
