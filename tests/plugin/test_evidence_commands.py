"""Commands that work on the evidence of earlier runs: report, verify, pack, diff, merge."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aicr_pytest.cli.main import main
from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.reports.writing import write_reports
from tests.unit.evidence import small_run

TOKEN = "hf_" + "a1B2c3D4" * 5


@pytest.fixture(autouse=True)
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sealed(name: str, hour: int = 10, requirement: str = "robust_controller") -> None:
    run = small_run.make(
        Path(name), f"20261123-{hour}0000-7f3a", requirement=requirement, directory=name
    )
    assert write_reports(run) == []


def files(directory: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(directory).rglob("*") if path.is_file()}


def test_untouched_run_verifies_and_packs_to_the_same_bytes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed("out")

    assert main(["verify", "out"]) == 0
    assert main(["pack", "out"]) == 0
    first = Path("out.tar.gz").read_bytes()
    assert main(["pack", "out"]) == 0
    assert main(["pack", "out", "--output", "other.tar.gz"]) == 0
    assert main(["verify", "other.tar.gz"]) == 0

    assert Path("out.tar.gz").read_bytes() == Path("other.tar.gz").read_bytes() == first
    assert capsys.readouterr().out.splitlines()[0] == (
        "out: every file is as its manifest says"
        " (run 20261123-100000-7f3a, started 2026-11-23T20:14:05Z)"
    )


def test_credential_that_came_later_is_found_though_the_checksums_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed("out")
    Path("out/notes.txt").write_text(f"log in with {TOKEN}")
    write_manifest(Path("out"))

    assert main(["verify", "out"]) == 1

    said = capsys.readouterr().out
    assert "not to be published: notes.txt: secret: log in with [redacted: token]" in said
    assert "a1B2" not in said


def test_changed_folder_is_not_packed(capsys: pytest.CaptureFixture[str]) -> None:
    sealed("out")
    Path("out/more").write_text("")

    assert main(["pack", "out"]) == 4

    assert not Path("out.tar.gz").exists()
    said = capsys.readouterr()
    assert said.out == "not listed: more\n"
    assert "out: is not as its run has written it; not packed" in said.err


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out/x.tar.gz", "lies in the folder that is packed"),
        ("taken", "holds something else, and is not overwritten"),
        ("nowhere/x.tar.gz", "cannot be written: No such file or directory"),
    ],
)
def test_place_that_an_archive_cannot_have_is_refused(
    output: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed("out")
    Path("taken").write_text("mine")

    assert main(["pack", "out", "--output", output]) == 4

    assert message in capsys.readouterr().err
    assert Path("taken").read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["out", "taken"]


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not there")
def test_signature_is_checked_in_a_folder_and_in_an_archive(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed("out")
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"]
    subprocess.run(words, check=True)
    Path("signers").write_text(f"release@vendor.example {Path('key.pub').read_text()}")
    words = ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "aicr-pytest"]
    subprocess.run([*words, "out/manifest.json"], check=True, capture_output=True)
    signed = ["--signature", "out/manifest.json.sig", "--allowed-signers", "signers"]
    assert main(["pack", "out"]) == 0

    assert main(["verify", "out", *signed]) == 0
    assert main(["verify", "out.tar.gz", *signed]) == 0
    assert capsys.readouterr().out.count("manifest says, signed by release@vendor.example") == 2

    Path("out/summary.md").unlink()
    write_manifest(Path("out"))
    assert main(["verify", "out", *signed]) == 1
    assert "signature: it does not hold" in capsys.readouterr().out


def test_signature_without_signers_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    sealed("out")

    assert main(["verify", "out", "--signature", "x"]) == 4

    assert "--signature and --allowed-signers belong together" in capsys.readouterr().err


def test_worse_verdict_is_told_by_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    sealed("old")
    small_run.make(Path("new"), outcome="failed", verdict="Not Implemented", message="why")

    assert main(["diff", "old", "new"]) == 1
    assert "worse: verdict robust_controller: Implemented → Not Impl" in capsys.readouterr().out
    assert main(["diff", "new", "old", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["worse"] is False


def test_merged_run_verifies_and_is_reported_again_to_the_byte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed("a", 10)
    sealed("b", 11, "gang_scheduling")

    assert main(["merge", "sub/out", "b", "a"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "gang_scheduling  MUST  Implemented",
        "robust_controller  MUST  Implemented",
        "sub/out/index.html",
    ]
    assert main(["verify", "sub/out"]) == 0
    before = files("sub/out")
    assert main(["report", "sub/out"]) == 0
    assert files("sub/out") == before
    assert sorted(path.name for path in Path("sub").iterdir()) == ["out"]


def test_one_run_is_not_merged(capsys: pytest.CaptureFixture[str]) -> None:
    sealed("a")

    assert main(["merge", "out", "a"]) == 4
    assert "a: is one run; name two or more" in capsys.readouterr().err


NOT_OURS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "none": ("cannot be read: No such file", shutil.rmtree),
    "empty": ("cannot be read: No such file", lambda run: (run / "run.json").unlink()),
    "other": ("is not JSON", lambda run: (run / "run.json").write_text("<html>")),
    "newer": (
        "schema 2 is not readable by this version",
        lambda run: (run / "run.json").write_text('{"schema": 2}'),
    ),
    "half": (
        "aicr-pytest report",
        lambda run: (run / "run.json").write_text(
            '{"schema": 1, "run_id": "r", "simulated": false, "exit_status": null}'
        ),
    ),
}


@pytest.mark.parametrize("how", NOT_OURS)
@pytest.mark.parametrize("words", ["verify X", "pack X", "diff X a", "diff a X", "merge out a X"])
def test_folder_that_holds_no_whole_run_is_one_clear_message(
    words: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed("a")
    message, spoil = NOT_OURS[how]
    run = small_run.make(Path("X"), "20261123-110000-7f3a")  # without a manifest
    spoil(run)
    before = files(".")

    assert main(words.split()) == 4

    said = capsys.readouterr()
    assert said.err.startswith("ERROR: ")
    assert (said.err.count("\n"), said.out) == (1, "")
    assert message in said.err
    assert files(".") == before
