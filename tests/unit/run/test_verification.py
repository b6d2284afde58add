"""Whatever is changed in a folder of evidence is found; an untouched one is as it was written."""

import functools
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence import archive, signature
from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.evidence.run import read_run
from aicr_pytest.reports.writing import rebuild, write_reports
from aicr_pytest.run.verification import integrity, verify
from tests.unit.evidence import small_run

FOLDER = "robust_controller/test_crd_is_served"


@functools.cache
def sealed() -> dict[str, bytes]:
    """The files of a run by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        run = small_run.make(Path(folder) / "out")
        assert write_reports(run) == []
        return {
            path.relative_to(run).as_posix(): path.read_bytes()
            for path in run.rglob("*")
            if path.is_file()
        }


def laid_out(directory: Path) -> Path:
    for name, content in sealed().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return laid_out(tmp_path / "out")


def test_untouched_run_is_as_it_was_written(run: Path) -> None:
    found = verify(run)

    assert (found.problems, found.notes) == ((), ())


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(sealed())))
    content = sealed()[name]
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    with tempfile.TemporaryDirectory() as folder:
        run = laid_out(Path(folder))
        (run / name).write_bytes(content[:at] + bytes([byte]) + content[at + 1 :])

        try:
            assert integrity(run, read_run(run))
        except SettingsError as error:
            assert Path(name).name in str(error)  # noqa: PT017 - it is either way that is right


@pytest.mark.parametrize("name", ["index.html", "run.json", f"{FOLDER}/01-What-it-says.txt"])
def test_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()

    with_error = name == "run.json"
    if with_error:
        with pytest.raises(SettingsError, match=r"run\.json: cannot be read"):
            verify(run)
    else:
        assert f"missing: {name}" in verify(run).problems


@pytest.mark.parametrize("name", ["more.txt", f"{FOLDER}/03-More.txt", "x/y/z"])
def test_added_file_is_named(run: Path, name: str) -> None:
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    (run / name).write_bytes(b"")

    assert f"not listed: {name}" in verify(run).problems


class TestWithNewChecksums:
    """Somebody has made a manifest of what he has changed."""

    def test_changed_observation_is_not_what_its_record_says(self, run: Path) -> None:
        (run / FOLDER / "01-What-it-says.txt").write_text("seen nothing\n")
        write_manifest(run)

        assert verify(run).problems == (
            f"changed: {FOLDER}/01-What-it-says.txt (not what {FOLDER}/record.json says of it)",
        )

    def test_missing_observation_is_named_by_its_record(self, run: Path) -> None:
        (run / FOLDER / "02-An-object.json").unlink()
        write_manifest(run)

        assert f"missing: {FOLDER}/02-An-object.json (a record names it)" in verify(run).problems

    def test_added_observation_is_named_by_no_record(self, run: Path) -> None:
        (run / FOLDER / "03-More.txt").write_text("")
        write_manifest(run)

        assert f"not listed: {FOLDER}/03-More.txt (no record names it)" in verify(run).problems

    def test_better_verdict_is_not_what_the_checks_give(self, tmp_path: Path) -> None:
        run = small_run.make(tmp_path / "out", outcome="failed", verdict="Not Implemented")
        told = (run / "run.json").read_text()
        (run / "run.json").write_text(told.replace('"Not Implemented"', '"Implemented"'))
        write_reports(run)

        assert any(
            "run.json says Implemented of robust_controller, its checks give Not Implemented"
            in line
            for line in verify(run).problems
        )

    def test_better_outcome_is_not_what_the_record_says(self, tmp_path: Path) -> None:
        run = small_run.make(tmp_path / "out", outcome="failed", verdict="Not Implemented")
        told = (run / "run.json").read_text().replace('"Not Implemented"', '"Implemented"')
        (run / "run.json").write_text(told.replace('"failed"', '"passed"'))
        write_reports(run)

        assert (
            "contradiction: run.json says passed of robust_controller/test_crd_is_served, its"
            " record failed" in verify(run).problems
        )

    def test_check_that_run_json_lacks_has_a_record(self, run: Path) -> None:
        told = json.loads((run / "run.json").read_text())
        told["requirements"][0]["checks"] = []
        (run / "run.json").write_text(json.dumps(told))
        write_manifest(run)

        assert (
            "contradiction: run.json lacks robust_controller/test_crd_is_served, of which there is"
            " a record" in verify(run).problems
        )

    @pytest.mark.parametrize("name", ["index.html", "summary.md", "junit-report.xml", "ctrf.json"])
    def test_laundered_report_is_not_what_the_records_give(self, run: Path, name: str) -> None:
        (run / name).write_bytes((run / name).read_bytes().replace(b"CRD is", b"CRD was"))
        write_manifest(run)

        told = "CRD is served" in sealed()[name].decode()
        assert (
            f"contradiction: {name} is not what the records give" in verify(run).problems
        ) is told

    def test_reports_of_another_version_are_not_compared_and_that_is_said(self, run: Path) -> None:
        told = (run / "ctrf.json").read_text()
        (run / "ctrf.json").write_text(told.replace("aicr-pytest 0", "aicr-pytest 9"))
        write_manifest(run)

        found = verify(run)

        assert found.problems == ()
        assert found.notes[0].startswith("reports were made by aicr-pytest 9")


def test_run_that_was_ended_before_its_checksums_says_how_to_seal_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no manifest\.json.*aicr-pytest report"):
        verify(small_run.make(tmp_path / "out"))


class TestReportAgain:
    """`aicr-pytest report`."""

    def test_untouched_run_is_the_same_to_the_byte(self, run: Path) -> None:
        (run / "index.html").unlink()
        (run / "summary.md").write_text("laundered")

        assert rebuild(run) == []
        assert {name: (run / name).read_bytes() for name in sealed()} == sealed()

    @pytest.mark.parametrize("name", ["run.json", f"{FOLDER}/record.json", "requests.jsonl"])
    def test_changed_file_is_refused_and_nothing_written(self, run: Path, name: str) -> None:
        (run / name).write_bytes((run / name).read_bytes().replace(b":", b": ", 1))
        (run / "index.html").unlink()

        with pytest.raises(SettingsError, match=rf"changed: {name}.*Nothing was written"):
            rebuild(run)
        assert not (run / "index.html").exists()

    def test_changed_observation_of_a_killed_run_is_refused(self, tmp_path: Path) -> None:
        run = small_run.make(tmp_path / "out")
        (run / FOLDER / "01-What-it-says.txt").write_text("seen nothing\n")

        with pytest.raises(SettingsError, match=r"changed: .*01-What-it-says\.txt"):
            rebuild(run)

    def test_lost_checksums_of_a_run_that_ended_stay_said(self, run: Path) -> None:
        (run / "manifest.json").unlink()

        assert rebuild(run) == []
        assert "checksums of this run were missing" in read_run(run).problems[0]
        assert "checksums of this run were missing" in (run / "summary.md").read_text()
        assert verify(run).problems == ()


class TestArchive:
    """`aicr-pytest pack`."""

    def test_same_run_gives_the_same_bytes(self, run: Path, tmp_path: Path) -> None:
        other = shutil.copytree(run, tmp_path / "other name", copy_function=shutil.copyfile)

        archive.pack(run, tmp_path / "1.tar.gz")
        archive.pack(Path(other), tmp_path / "2.tar.gz")

        first = (tmp_path / "1.tar.gz").read_bytes()
        assert first == (tmp_path / "2.tar.gz").read_bytes()
        assert first[4:8] == bytes(4), "gzip would note the time"

    def test_what_was_packed_comes_back(self, run: Path, tmp_path: Path) -> None:
        archive.pack(run, tmp_path / "1.tar.gz")

        back = archive.unpack(tmp_path / "1.tar.gz", tmp_path / "back")

        assert verify(back).problems == ()
        assert archive.is_canonical(tmp_path / "1.tar.gz", back, tmp_path / "again")

    def test_archive_of_another_program_is_read_and_not_canonical(
        self, run: Path, tmp_path: Path
    ) -> None:
        with tarfile.open(tmp_path / "1.tar", "w") as made:
            made.add(run, arcname=".")

        back = archive.unpack(tmp_path / "1.tar", tmp_path / "back")

        assert verify(back).problems == ()
        assert not archive.is_canonical(tmp_path / "1.tar", back, tmp_path / "again")

    def test_bytes_behind_the_end_are_noticed(self, run: Path, tmp_path: Path) -> None:
        archive.pack(run, tmp_path / "1.tar.gz")
        with (tmp_path / "1.tar.gz").open("ab") as file:
            file.write(b"more")

        back = archive.unpack(tmp_path / "1.tar.gz", tmp_path / "back")

        assert not archive.is_canonical(tmp_path / "1.tar.gz", back, tmp_path / "again")

    @pytest.mark.parametrize(
        ("name", "kind", "message"),
        [
            ("../x", tarfile.REGTYPE, r"outside of itself: '\.\./x'"),
            ("/x", tarfile.REGTYPE, "outside of itself: '/x'"),
            ("r/x", tarfile.SYMTYPE, "something that is no file: 'r/x'"),
            ("r/x", tarfile.FIFOTYPE, "something that is no file"),
            ("r/run.json", tarfile.REGTYPE, "holds a file twice: 'r/run.json'"),
            ("other", tarfile.REGTYPE, r"is no run's: it holds other, r"),
        ],
    )
    def test_odd_archive_is_refused(
        self, tmp_path: Path, name: str, kind: bytes, message: str
    ) -> None:
        with tarfile.open(tmp_path / "1.tar", "w") as made:
            for one, type_ in (("r/run.json", tarfile.REGTYPE), (name, kind)):
                member = tarfile.TarInfo(one)
                member.type, member.linkname = type_, "/etc/hostname" * (type_ != tarfile.REGTYPE)
                made.addfile(member)

        with pytest.raises(SettingsError, match=message):
            archive.unpack(tmp_path / "1.tar", tmp_path / "back")
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00" + b"\0" * 40])
    def test_what_is_no_archive_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x").write_bytes(content)

        with pytest.raises(SettingsError, match="is no archive that can be read"):
            archive.unpack(tmp_path / "x", tmp_path / "back")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not there")
class TestSignature:
    """Signed by ssh-keygen itself."""

    @pytest.fixture
    def key(self, tmp_path: Path) -> Path:
        key = tmp_path / "key"
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vendor", "-f", str(key)]
        subprocess.run(words, check=True)
        public = key.with_suffix(".pub").read_text()
        (tmp_path / "signers").write_text(f"release@vendor.example {public}")
        return key

    @staticmethod
    def sign(key: Path, run: Path, namespace: str = signature.NAMESPACE) -> Path:
        words = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace]
        subprocess.run([*words, str(run / "manifest.json")], check=True, capture_output=True)
        return run / "manifest.json.sig"

    def test_signer_is_named(self, key: Path, run: Path, tmp_path: Path) -> None:
        signed = self.sign(key, run)

        found = signature.check(run / "manifest.json", signed, tmp_path / "signers")

        assert found == ("release@vendor.example", "")
        assert verify(run).problems == ()  # it may lie there

    def test_signature_does_not_hold_for_another_manifest(
        self, key: Path, run: Path, tmp_path: Path
    ) -> None:
        signed = self.sign(key, run)
        (run / "manifest.json").write_text("{}")

        name, why = signature.check(run / "manifest.json", signed, tmp_path / "signers")

        assert name == ""
        assert why.startswith("it does not hold: ")

    def test_signature_for_something_else_does_not_hold(
        self, key: Path, run: Path, tmp_path: Path
    ) -> None:
        signed = self.sign(key, run, "git")

        name, why = signature.check(run / "manifest.json", signed, tmp_path / "signers")

        assert (name, bool(why)) == ("", True)

    def test_signature_of_a_stranger_is_no_signature(
        self, key: Path, run: Path, tmp_path: Path
    ) -> None:
        signed = self.sign(key, run)
        (tmp_path / "signers").write_text("")

        name, why = signature.check(run / "manifest.json", signed, tmp_path / "signers")

        assert name == ""
        assert why.startswith("nobody whom signers names has signed it")

    def test_file_that_is_not_there_is_named(self, run: Path, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"none\.sig: is no file"):
            signature.check(run / "manifest.json", tmp_path / "none.sig", tmp_path / "signers")
