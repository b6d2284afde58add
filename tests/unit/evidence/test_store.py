"""What is observed is on the disk at once, whole and redacted; no trouble there raises."""

import dataclasses
import datetime
import errno
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.check import CheckEvidence
from aicr_pytest.evidence.content import MOST_BYTES
from aicr_pytest.evidence.record import Phase, read_records
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RunInfo, read_run
from aicr_pytest.evidence.store import EvidenceStore

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
NOW = datetime.datetime(2026, 11, 23, 20, 14, 5, tzinfo=datetime.UTC)


def open_store(directory: Path | None, run_id: str = "run-1", worker: str = "") -> EvidenceStore:
    return EvidenceStore.open(directory, run_id, Redactor(), worker=worker, clock=lambda: NOW)


def begin(store: EvidenceStore, check: str = "test_x") -> CheckEvidence:
    return store.begin("dra_support", check, title="A title", proves="A sentence.", basis="text")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From now on nothing can be written; ``undo()`` makes room."""

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    return monkeypatch


def test_observation_is_a_file_of_its_own_with_its_hash(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))
    evidence.phase = "call"

    seen = evidence.text("List of GPUs", "GPU 0\n", source="nvidia-smi -L", exit_code=0)

    file = tmp_path / "dra_support/test_x/01-List-of-GPUs.txt"
    assert file.read_text() == "GPU 0\n"
    assert seen.file == "dra_support/test_x/01-List-of-GPUs.txt"
    assert seen.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (seen.size, seen.truncated, seen.phase) == (6, False, "call")
    assert seen.taken_at == "2026-11-23T20:14:05.000Z"


def test_record_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    evidence.text("Out", "x", source="cmd")
    evidence.fact("node", "node-1")
    phases = [Phase(name="call", outcome="failed", seconds=1.5, message="no")]

    record = store.end(evidence, "failed", "no", phases, left_behind="claim")

    assert read_records(tmp_path) == [record]
    assert record.facts == {"node": "node-1"}
    assert record.seconds == 1.5
    assert store.current is None


def test_killed_check_leaves_a_record_that_says_not_run_and_its_observations(
    tmp_path: Path,
) -> None:
    evidence = begin(open_store(tmp_path))
    evidence.text("Out", "x", source="cmd")

    [record] = read_records(tmp_path)

    assert record.outcome == "not run"
    assert [seen.title for seen in record.observations] == ["Out"]


def test_killed_run_leaves_a_run_that_says_interrupted(tmp_path: Path) -> None:
    open_store(tmp_path)

    assert read_run(tmp_path) == RunInfo(
        run_id="run-1", started_at="2026-11-23T20:14:05.000Z", interrupted=True
    )


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    evidence.text(f"Title {JWT}", f"out {JWT}", source=f"curl -H 'Authorization: Bearer {JWT}'")
    evidence.json("Pod", {"env": [{"name": "A_TOKEN", "value": JWT}]}, source="GET")
    evidence.yaml("Pod", {"metadata": {"annotations": {"a": JWT}}}, source="GET")
    evidence.table("Table", ["a"], [[JWT]], source="x")
    evidence.fact("name", JWT)
    store.journal("GET", f"/x?token={JWT}", 200, 0.1)
    phases = [Phase(name="call", outcome="failed", seconds=1, message=JWT)]
    store.end(evidence, "failed", f"message {JWT}", phases, left_behind=JWT)
    store.write_run(RunInfo(run_id="run-1", settings={"header": f"Bearer {JWT}"}))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 7
    assert not [path for path in files if JWT.encode() in path.read_bytes() or JWT in path.name]


def test_ten_megabytes_lose_their_middle_and_say_so(tmp_path: Path) -> None:
    text = "first line\n" + "0123456789abcde\n" * 655_360 + "last line\n"

    seen = begin(open_store(tmp_path)).text("Log", text, source="kubectl logs")

    stored = (tmp_path / seen.file).read_text()
    assert seen.truncated
    assert seen.whole_size == len(text)
    assert seen.size == len(stored) <= MOST_BYTES + 200
    assert stored.startswith("first line\n")
    assert stored.endswith("last line\n")
    assert f"of {len(text)} bytes here]" in stored


def test_cut_within_a_character_leaves_valid_text(tmp_path: Path) -> None:
    seen = begin(open_store(tmp_path)).text("Log", "名" * MOST_BYTES, source="x")

    (tmp_path / seen.file).read_text(encoding="utf-8")


def test_cut_json_is_no_json_any_more(tmp_path: Path) -> None:
    seen = begin(open_store(tmp_path)).json("Pods", ["x" * 1000] * 5000, source="GET /pods")

    assert (seen.kind, Path(seen.file).suffix) == ("text", ".txt")


@pytest.mark.parametrize(
    "text",
    [
        bytes(range(256)).decode("utf-8", "surrogateescape"),
        bytes(range(256)).decode("latin-1"),
        "\ud800 lone \udfff",
        "",
    ],
)
def test_binary_junk_becomes_readable_text_json_and_yaml(tmp_path: Path, text: str) -> None:
    evidence = begin(open_store(tmp_path))

    out = evidence.text(f"Title {text}", text, source=text)
    as_json = evidence.json("Object", {text: [text]}, source="GET")
    as_yaml = evidence.yaml("Object", {"a": text}, source="GET")

    stored = (tmp_path / out.file).read_bytes().decode("utf-8")
    assert "\x00" not in stored
    assert json.loads((tmp_path / as_json.file).read_bytes()) == {stored: [stored]}
    assert yaml.safe_load((tmp_path / as_yaml.file).read_bytes())["a"] == stored
    assert read_records(tmp_path)[0].observations == (out, as_json, as_yaml)


def test_yaml_is_like_kubectls_and_without_managed_fields(tmp_path: Path) -> None:
    selector = {"a": "b"}
    item: dict[str, Any] = {
        "kind": "Pod",
        "managedFields": [{"manager": "x"}],
        "spec": {"selector": selector, "affinity": selector},
    }

    seen = begin(open_store(tmp_path)).yaml("Pods", [item, item], source="GET /pods")

    document = "kind: Pod\nspec:\n  selector:\n    a: b\n  affinity:\n    a: b\n"
    assert (tmp_path / seen.file).read_text() == f"{document}---\n{document}"


def test_table_is_stored_with_the_columns_to_compare(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))

    seen = evidence.table("Chain", ["a", "b"], [["=1", 2]], source="x", compare=["b"])

    assert json.loads((tmp_path / seen.file).read_text()) == {
        "columns": ["a", "b"],
        "compare": ["b"],
        "rows": [["=1", "2"]],
    }


def test_table_of_the_wrong_shape_is_a_mistake_of_the_check(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))

    with pytest.raises(ValueError, match="2 columns, but a row is"):
        evidence.table("Chain", ["a", "b"], [["1"]], source="x")
    with pytest.raises(ValueError, match="compare names no column"):
        evidence.table("Chain", ["a"], [["1"]], source="x", compare=["c"])


@dataclasses.dataclass(frozen=True)
class Command:
    command_line: str = "ls"
    source: str = "`ls` in pod ns/pod (GET /api/v1/namespaces/ns/pods/pod/exec)"
    by_hand: str = "kubectl exec -n ns pod -- ls"
    stdout: str = "out\n"
    stderr: str = ""
    exit_code: int = 2
    taken_at: datetime.datetime = NOW


def test_execution_keeps_output_and_complaint_apart(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))

    seen = evidence.execution(Command(stderr="err\n"), "Listing")

    assert (tmp_path / seen.file).read_text() == "out\n"
    assert [o.title for o in evidence.record.observations] == ["Listing", "Listing (stderr)"]
    assert {o.exit_code for o in evidence.record.observations} == {2}
    assert {o.source for o in evidence.record.observations} == {Command.source}
    assert {o.by_hand for o in evidence.record.observations} == {"kubectl exec -n ns pod -- ls"}


def test_a_command_line_to_try_by_hand_is_redacted_too(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))
    secret = "kubectl exec pod -- curl --header 'Authorization: Bearer abcdefghijklmnop'"

    assert "abcdefghijklmnop" not in evidence.execution(Command(by_hand=secret)).by_hand


def test_execution_without_a_title_is_called_by_its_command(tmp_path: Path) -> None:
    evidence = begin(open_store(tmp_path))

    assert evidence.execution(Command()).title == "ls"
    assert len(evidence.record.observations) == 1


def test_cited_observation_keeps_its_place(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    seen = begin(store, "test_first").text("Out", "x", source="cmd")
    second = begin(store, "test_second")

    second.cite(seen)
    second.cite(seen)

    assert second.record.observations == (seen,)
    assert seen.file.startswith("dra_support/test_first/")


def test_check_that_is_run_again_overwrites_no_observation(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    begin(store).text("Out", "first", source="cmd")

    seen = begin(store).text("Out", "second", source="cmd")

    assert seen.file.endswith("/02-Out.txt")
    assert (tmp_path / "dra_support/test_x/01-Out.txt").read_text() == "first"


def test_names_with_slashes_stay_inside_the_directory(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    evidence = store.begin("../../x", "test_[../../../y]", title="", proves="", basis="hardening")

    seen = evidence.text("../../z/../", "x", source="cmd")

    assert (tmp_path / "run" / seen.file).resolve().is_relative_to(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.end(begin(store), "passed")

    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "record.json",
        "run.json",
    ]


def test_without_a_directory_records_are_kept_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(None)
    evidence = begin(store)

    seen = evidence.text("Out", "x", source="cmd")
    store.journal("GET", "/", 200, 0.1)
    store.end(evidence, "passed")
    store.write_run(RunInfo(run_id="run-1"))

    assert seen.file == ""
    assert [record.outcome for record in store.records] == ["passed"]
    assert store.finish() == []
    assert list(tmp_path.iterdir()) == []


def test_journal_has_a_line_per_request_and_a_file_per_worker(tmp_path: Path) -> None:
    main, worker = open_store(tmp_path), open_store(tmp_path, worker="gw0")
    main.journal("GET", "/version", 200, 0.0042)
    threads = [
        threading.Thread(target=worker.journal, args=("GET", f"/{i}", 200, 0.1)) for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [line] = (tmp_path / "requests.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "at": "2026-11-23T20:14:05.000Z",
        "method": "GET",
        "path": "/version",
        "status": 200,
        "ms": 4,
    }
    lines = (tmp_path / "requests-gw0.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["path"] for line in lines) == sorted(f"/{i}" for i in range(20))


def test_journal_survives_line_breaks_in_a_path(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    store.journal("GET", "/a\n  b\u2028", 200, 0.1)

    [line] = (tmp_path / "requests.jsonl").read_bytes().splitlines()
    assert json.loads(line)["path"] == "/a\n  b\u2028"


def test_full_disk_ends_nothing_and_is_one_problem(
    tmp_path: Path, full_disk: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)

    evidence.text("Out", "x", source="cmd")
    record = store.end(evidence, "passed")

    assert store.records == [record]
    [problem] = store.finish()
    assert problem == (
        "evidence is incomplete: record.json and 1 more could not be written: "
        "No space left on device"
    )
    run = store.write_run(RunInfo(run_id="run-1"))
    assert run.problems[0].startswith("evidence is incomplete: ")


def test_room_on_the_disk_at_the_end_completes_the_evidence(
    tmp_path: Path, full_disk: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    seen = evidence.text("Out", "x", source="cmd")
    store.end(evidence, "passed")
    full_disk.undo()

    assert store.finish() == []
    assert (tmp_path / seen.file).read_text() == "x"
    assert read_records(tmp_path)[0].outcome == "passed"


def test_memory_for_a_full_disk_is_limited(tmp_path: Path, full_disk: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    for i in range(12):
        evidence.text(f"Out {i}", "x " * 2_000_000, source="cmd")
    full_disk.undo()

    [problem] = store.finish()

    assert "evidence is incomplete" in problem
    assert len(list(tmp_path.glob("*/*/*.txt"))) == 8, "32 MiB of 48"


def test_failed_write_leaves_the_older_file(tmp_path: Path, monkeypatch: Any) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    older = (tmp_path / "dra_support/test_x/record.json").read_bytes()

    def half(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    store.end(evidence, "passed")

    assert (tmp_path / "dra_support/test_x/record.json").read_bytes() == older
    assert not list(tmp_path.rglob(".writing-*"))


def test_directory_of_another_run_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path, "run-1")

    with pytest.raises(SettingsError, match=r"holds run run-1, and evidence is never overwritten"):
        open_store(tmp_path, "run-2")


def test_directory_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")

    with pytest.raises(SettingsError, match=r"holds something else \(thesis.tex\)"):
        open_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")

    with pytest.raises(SettingsError, match="is a file"):
        open_store(tmp_path / "out")
    with pytest.raises(SettingsError, match="cannot be written: Not a directory"):
        open_store(tmp_path / "out" / "deeper")


def test_directory_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"/proc/aicr: cannot be written: .*--evidence-dir"):
        open_store(Path("/proc/aicr"))


def test_what_pytest_html_made_before_us_is_tolerated(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()

    assert open_store(tmp_path).directory == tmp_path


def test_worker_joins_the_run(tmp_path: Path) -> None:
    main = open_store(tmp_path)
    begin(main, "test_a")
    begin(open_store(tmp_path, worker="gw1"), "test_b")

    assert [record.check for record in read_records(tmp_path)] == ["test_a", "test_b"]
    assert read_records(tmp_path)[1].worker == "gw1"


def test_relative_directory_is_the_one_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = open_store(Path("out"))
    monkeypatch.chdir(tmp_path / "elsewhere")

    begin(store)

    assert (tmp_path / "out/dra_support/test_x/record.json").is_file()


def test_later_start_of_a_check_takes_the_current_place(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = begin(store, "test_a")
    second = begin(store, "test_b")

    store.end(first, "passed")

    assert store.current is second


def test_long_record_is_not_written_for_each_fact_and_is_whole_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    evidence = begin(store)
    written: list[str] = []
    write = store.write

    def note(file: str, content: bytes) -> None:
        written.append(file)
        write(file, content)

    monkeypatch.setattr(store, "write", note)
    for number in range(1000):
        evidence.fact(f"fact {number}", number)

    assert len(written) < 150
    store.end(evidence, "passed")
    assert len(read_records(tmp_path)[0].facts) == 1000
