"""Several runs become one, whatever their order; what they say differently is told."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.evidence.record import CheckRecord, Outcome, read_records
from aicr_pytest.evidence.run import ClusterInfo, RunInfo, Verdict, read_run
from aicr_pytest.run.merging import merge
from aicr_pytest.run.verification import verify
from tests.unit.evidence import small_run

VERDICTS: dict[Outcome, Verdict] = {
    "passed": "Implemented",
    "failed": "Not Implemented",
    "inconclusive": "Inconclusive",
}


def made(
    directory: Path,
    hour: int,
    outcome: Outcome = "passed",
    requirement: str = "robust_controller",
    token: str = "7f3a",
    **changes: Any,
) -> Path:
    """A run of one check that began at that hour."""
    small_run.make(
        directory,
        f"20261123-{hour:02d}0000-{token}",
        requirement=requirement,
        outcome=outcome,
        verdict=VERDICTS[outcome],
        message="" if outcome == "passed" else "why",
        started_at=f"2026-11-23T{hour:02d}:00:00Z",
        finished_at=f"2026-11-23T{hour:02d}:05:00Z",
        **changes,
    )
    write_manifest(directory)
    return directory


def merged(tmp_path: Path, *runs: Path, newest: bool = False, out: str = "out") -> RunInfo:
    merge(tmp_path / out, runs, newest=newest, start=tmp_path)
    assert verify(tmp_path / out).problems == ()
    return read_run(tmp_path / out)


def outcomes(run: RunInfo) -> dict[str, str]:
    return {one.id: check.outcome for one in run.requirements for check in one.checks}


def test_runs_of_different_requirements_are_one(tmp_path: Path) -> None:
    a = made(tmp_path / "a", 10)
    b = made(tmp_path / "b", 11, "failed", requirement="gang_scheduling")

    run = merged(tmp_path, a, b)

    assert [(one.id, one.verdict) for one in run.requirements] == [
        ("gang_scheduling", "Not Implemented"),
        ("robust_controller", "Implemented"),
    ]
    assert (run.started_at, run.finished_at) == ("2026-11-23T10:00:00Z", "2026-11-23T11:05:00Z")
    assert (run.conflicts, run.directory, run.exit_status) == ((), "out", 1)
    assert len(read_records(tmp_path / "out")) == 2
    assert [part.run_id for part in run.parts] == [
        "20261123-100000-7f3a",
        "20261123-110000-7f3a",
    ]
    assert run.parts[1].checks == ("gang_scheduling/test_crd_is_served",)
    assert {path.name for path in (tmp_path / "out").glob("requests*")} == {
        "requests-20261123-100000-7f3a.jsonl",
        "requests-20261123-110000-7f3a.jsonl",
    }


def test_checks_that_workers_shared_make_a_whole_requirement(tmp_path: Path) -> None:
    runs = [made(tmp_path / f"w{number}", 10 + number) for number in range(2)]
    for directory, own, other in ((runs[0], "test_1", "test_2"), (runs[1], "test_2", "test_1")):
        _rename(directory, own, left_out=other)

    run = merged(tmp_path, *runs)

    [requirement] = run.requirements
    assert requirement.verdict == "Implemented"
    assert {check.check: check.outcome for check in requirement.checks} == {
        "test_1": "passed",
        "test_2": "passed",
    }
    assert run.conflicts == ()


def _rename(directory: Path, name: str, left_out: str) -> None:
    """Call the check of a run so, and let its run.json tell of one that was left out."""
    folder = directory / "robust_controller" / name
    (directory / "robust_controller/test_crd_is_served").rename(folder)
    record = (folder / "record.json").read_text().replace("test_crd_is_served", name)
    (folder / "record.json").write_text(record)
    told = json.loads((directory / "run.json").read_text())
    [requirement] = told["requirements"]
    [check] = requirement["checks"]
    requirement["checks"] = [
        check | {"check": name},
        check | {"check": left_out, "outcome": "not run"},
    ]
    requirement["verdict"] = "Inconclusive"
    (directory / "run.json").write_text(json.dumps(told))
    write_manifest(directory)


@pytest.mark.parametrize(
    ("earlier", "later", "newest", "counts", "rule"),
    [
        ("failed", "passed", False, "failed", "the worst counts"),
        ("failed", "passed", True, "passed", "by the user's word the newest counts"),
        ("passed", "failed", False, "failed", "the worst counts"),
        ("passed", "failed", True, "failed", "by the user's word the newest counts"),
        ("inconclusive", "passed", False, "passed", "what could look counts"),
        ("passed", "inconclusive", True, "passed", "what could look counts"),
    ],
)
def test_what_counts_of_a_check_that_ran_again_is_said_with_dates(
    tmp_path: Path, earlier: Outcome, later: Outcome, newest: bool, counts: Outcome, rule: str
) -> None:
    a, b = made(tmp_path / "a", 10, earlier), made(tmp_path / "b", 11, later)

    run = merged(tmp_path, b, a, newest=newest)

    [requirement] = run.requirements
    assert requirement.verdict == VERDICTS[counts]
    [conflict] = run.conflicts
    assert conflict == (
        f"robust_controller/test_crd_is_served: {earlier} in run 20261123-100000-7f3a"
        f" (2026-11-23T10:00:00Z), {later} in run 20261123-110000-7f3a (2026-11-23T11:00:00Z);"
        f" {rule}: {counts}"
    )
    assert conflict in requirement.reason
    [record] = read_records(tmp_path / "out")
    assert record.outcome == counts


def test_order_does_not_matter(tmp_path: Path) -> None:
    runs = [
        made(tmp_path / "a", 10, "failed"),
        made(tmp_path / "b", 11, "passed"),
        made(tmp_path / "c", 12, "inconclusive"),
        made(tmp_path / "d", 13, requirement="gang_scheduling"),
    ]

    def content(order: Sequence[Path], number: int) -> dict[str, bytes]:
        out = tmp_path / str(number) / "out"
        merge(out, order, newest=False, start=tmp_path / str(number))
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.json*")}

    orders = list(itertools.permutations(runs))[::6]
    first, *others = [content(order, number) for number, order in enumerate(orders)]

    assert all(other == first for other in others)


def test_what_a_record_cites_of_a_check_that_is_taken_from_elsewhere_goes_along(
    tmp_path: Path,
) -> None:
    a, b = made(tmp_path / "a", 10), made(tmp_path / "b", 11, "failed")
    folder = a / "robust_controller/test_other"
    folder.mkdir()
    [record] = read_records(a)
    told = json.loads((a / "robust_controller/test_crd_is_served/record.json").read_text())
    (folder / "record.json").write_text(json.dumps(told | {"check": "test_other"}))
    run = json.loads((a / "run.json").read_text())
    checks = run["requirements"][0]["checks"]
    checks.append(checks[0] | {"check": "test_other"})
    (a / "run.json").write_text(json.dumps(run))
    write_manifest(a)

    merged(tmp_path, a, b)

    kept = _record(tmp_path / "out", "test_other")
    assert [one.sha256 for one in kept.observations] == [one.sha256 for one in record.observations]
    assert all((tmp_path / "out" / one.file).is_file() for one in kept.observations)
    assert kept.observations[0].file.startswith("robust_controller/test_other/cited/")


def _record(directory: Path, check: str) -> CheckRecord:
    [found] = [record for record in read_records(directory) if record.check == check]
    return found


LAB = ClusterInfo(context="lab", server="https://127.0.0.1:6443", version="v1.37.2", id="a")


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (
            {"cluster": dataclasses.replace(LAB, version="v1.36.0")},
            {"cluster": LAB},
            r"do not go together: Kubernetes: v1\.36\.0 and v1\.37\.2",
        ),
        ({"list_version": "1.36"}, {}, r"the list of requirements: 1\.36 and 1\.37"),
        ({"versions": {"aicr_pytest": "0.2.0"}}, {}, r"aicr-pytest: 0\.2\.0 and 0\.1\.0"),
        ({"tool": "x"}, {}, r"the code of aicr-pytest: x and unknown"),
        ({"simulated": True}, {}, "simulated: yes and no"),
        ({"settings": {"strict": "True  [x]"}}, {}, "--aicr-strict: yes and no"),
        ({"settings": {"redact": "secrets  [x]"}}, {}, "--aicr-redact: secrets and pseudonyms"),
        ({"suite": {"m": "1"}}, {"suite": {"m": "2"}}, "m: 1 and 2"),
        (
            {"cluster": LAB},
            {"cluster": ClusterInfo(context="lab", version="v1.37.2", id="b")},
            "the cluster: a and b",
        ),
        (
            {"cluster": ClusterInfo(context="prod", version="v1.37.2")},
            {},
            r"the cluster: prod and lab https://127\.0\.0\.1:6443",
        ),
    ],
)
def test_runs_that_do_not_go_together_are_refused(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], message: str
) -> None:
    a, b = made(tmp_path / "a", 10, **one), made(tmp_path / "b", 11, **other)

    with pytest.raises(SettingsError, match=message):
        merge(tmp_path / "out", [a, b], newest=False, start=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_cluster_is_known_by_its_id_however_it_was_reached(tmp_path: Path) -> None:
    a = made(tmp_path / "a", 10, cluster=LAB)
    elsewhere = ClusterInfo(context="x", server="https://server-1", version="v1.37.2", id="a")

    assert merged(tmp_path, a, made(tmp_path / "b", 11, cluster=elsewhere)).cluster.id == "a"


@pytest.mark.parametrize("tokens", [("0000", "ffff"), ("ffff", "0000")])
def test_of_two_in_the_same_second_the_one_named_last_is_the_newest(
    tmp_path: Path, tokens: tuple[str, str]
) -> None:
    a = made(tmp_path / "a", 10, "failed", token=tokens[0])
    b = made(tmp_path / "b", 10, "passed", token=tokens[1])

    assert set(outcomes(merged(tmp_path, a, b, newest=True)).values()) == {"passed"}


def test_same_run_twice_is_refused(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 10), made(tmp_path / "b", 10)

    with pytest.raises(SettingsError, match="hold the same run 20261123-100000-7f3a"):
        merge(tmp_path / "out", [a, b], newest=False, start=tmp_path)


def test_run_that_is_not_as_it_was_written_is_refused_by_file(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 10), made(tmp_path / "b", 11)
    (b / "more.txt").write_text("")

    with pytest.raises(
        SettingsError, match=r"b: is not as its run wrote it: not listed: more\.txt"
    ):
        merge(tmp_path / "out", [a, b], newest=False, start=tmp_path)


def test_half_a_run_is_refused_with_the_way_out(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 10), made(tmp_path / "b", 11)
    told = json.loads((b / "run.json").read_text()) | {"requirements": [], "exit_status": None}
    (b / "run.json").write_text(json.dumps(told))

    with pytest.raises(SettingsError, match=r"holds half a run.*aicr-pytest report"):
        merge(tmp_path / "out", [a, b], newest=False, start=tmp_path)


def test_merged_run_is_not_merged_again(tmp_path: Path) -> None:
    a, b, c = (made(tmp_path / name, 10 + n) for n, name in enumerate("abc"))
    merged(tmp_path, a, b)

    with pytest.raises(SettingsError, match="was merged already; merge its runs instead: 2026"):
        merge(tmp_path / "out2", [tmp_path / "out", c], newest=False, start=tmp_path)


@pytest.mark.parametrize("out", ["a", "a/b", "file"])
def test_place_that_is_taken_is_refused(tmp_path: Path, out: str) -> None:
    a, b = made(tmp_path / "a", 10), made(tmp_path / "b", 11)
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match=r"is there and not empty|lies in a run"):
        merge(tmp_path / out, [a, b], newest=False, start=tmp_path)


def test_problems_and_remains_of_every_run_are_told(tmp_path: Path) -> None:
    a = made(tmp_path / "a", 10, problems=("disk full",), exit_status=1)
    b = made(tmp_path / "b", 11, left_behind=("a pod",), clean_command="aicr-pytest clean")

    run = merged(tmp_path, a, b)

    assert run.problems == ("run 20261123-100000-7f3a: disk full",)
    assert (run.left_behind, run.clean_command) == (("a pod",), "aicr-pytest clean")
    assert run.exit_status == 1


@pytest.mark.parametrize(
    ("level", "basis", "strict", "status"),
    [
        ("MUST", "text", "False", 1),
        ("not listed", "text", "False", 1),
        ("not listed", "hardening", "False", 0),
        ("not listed", "hardening", "True", 1),
    ],
)
def test_it_ends_as_a_run_of_its_own_would(
    tmp_path: Path, level: str, basis: str, strict: str, status: int
) -> None:
    word = {"strict": f"{strict}  [x]"}
    a = made(tmp_path / "a", 10, settings=word)
    b = made(tmp_path / "b", 11, "failed", requirement="gang_scheduling", settings=word)
    told = json.loads((b / "run.json").read_text())
    told["requirements"][0]["level"] = level
    told["requirements"][0]["checks"][0]["basis"] = basis
    (b / "run.json").write_text(json.dumps(told))
    write_manifest(b)

    assert merged(tmp_path, a, b).exit_status == status
