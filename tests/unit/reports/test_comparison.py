"""Two runs side by side: what got worse is never missed, and nothing is said of equal ones."""

import dataclasses
from typing import Any, get_args

import pytest

from aicr_pytest.evidence.run import CheckResult, ClusterInfo, RequirementResult, RunInfo, Verdict
from aicr_pytest.reports.comparison import BETTER_FIRST, compare


def run(verdict: Verdict = "Implemented", seconds: float = 1.0, **changes: Any) -> RunInfo:
    check = CheckResult(check="test_x", title="X", basis="text", outcome="passed", seconds=seconds)
    requirement = RequirementResult(
        id="gang_scheduling",
        title="Gang",
        category="",
        level="MUST",
        verdict=verdict,
        reason="because",
        checks=(check,),
    )
    return RunInfo(run_id="r", requirements=(requirement,), **changes)


def told(old: RunInfo, new: RunInfo) -> list[str]:
    return [str(change) for change in compare(old, new).changes]


def test_every_verdict_has_its_place() -> None:
    assert set(BETTER_FIRST) == set(get_args(Verdict))


def test_equal_runs_have_no_difference() -> None:
    compared = compare(run(), run())

    assert compared.as_lines()[2:] == ["no difference"]
    assert not compared.is_worse


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        ("Implemented", "Not Implemented", True),
        ("Implemented", "Inconclusive", True),
        ("Implemented", "N/A", True),
        ("Inconclusive", "Not Implemented", True),
        ("Not Implemented", "Inconclusive", False),
        ("Inconclusive", "Implemented", False),
        ("Unknown", "Implemented", False),
    ],
)
def test_worse_is_what_speaks_less_for_the_platform(
    old: Verdict, new: Verdict, worse: bool
) -> None:
    compared = compare(run(old), run(new))

    assert compared.is_worse is worse
    begin = "worse: verdict" if worse else "verdict"
    assert told(run(old), run(new)) == [f"{begin} gang_scheduling: {old} → {new} (because)"]


def test_requirement_that_is_not_looked_at_any_more_is_worse_where_it_was_met() -> None:
    nothing = dataclasses.replace(run(), requirements=())

    assert compare(run(), nothing).is_worse
    assert not compare(run("Not Implemented"), nothing).is_worse
    assert not compare(nothing, run("Not Implemented")).is_worse
    assert told(nothing, run())[0] == "verdict gang_scheduling: none → Implemented (because)"


def test_versions_suite_and_cluster_are_told() -> None:
    old = run(versions={"pytest": "9.1"}, suite={"conformance/test_x.py": "a" * 64})
    new = run(
        versions={"pytest": "9.2", "python": "3.12"},
        suite={"conformance/test_x.py": "b" * 64},
        cluster=ClusterInfo(version="v1.37.2"),
    )

    assert told(old, new) == [
        "cluster Kubernetes: none → v1.37.2",
        "version pytest: 9.1 → 9.2",
        "version python: none → 3.12",
        "suite conformance/test_x.py: aaaaaaaaaaaa → bbbbbbbbbbbb",
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (1.0, 4.0, []),
        (100.0, 120.0, []),
        (10.0, 20.0, ["time gang_scheduling/test_x: 10 s → 20 s"]),
        (20.0, 10.0, ["time gang_scheduling/test_x: 20 s → 10 s"]),
    ],
)
def test_times_are_told_where_they_differ_much(old: float, new: float, lines: list[str]) -> None:
    assert told(run(seconds=old), run(seconds=new)) == lines


def test_programs_get_the_same() -> None:
    compared = compare(run(), run("Inconclusive")).as_json()

    assert compared["worse"] is True
    assert compared["changes"][0] == {
        "what": "verdict",
        "name": "gang_scheduling",
        "old": "Implemented",
        "new": "Inconclusive (because)",
        "worse": True,
    }
