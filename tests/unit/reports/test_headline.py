"""A run in one sentence."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from aicr_pytest.evidence.run import NotLookedAt, RequirementResult, RunInfo, Verdict
from aicr_pytest.reports import headline
from aicr_pytest.reports.view import read_view
from tests.unit.reports import sample
from tests.unit.reports.gallery import Gallery

Verdicts = Sequence[tuple[str, Verdict]]


def run(looked: Verdicts, unseen: Sequence[str] = ()) -> RunInfo:
    return RunInfo(
        run_id="r",
        list_version="1.37",
        requirements=tuple(
            RequirementResult(
                id=str(number), title="", category="", level=level, verdict=verdict, reason=""
            )
            for number, (level, verdict) in enumerate(looked)
        ),
        not_looked_at=tuple(
            NotLookedAt(id=str(number), title="", category="", level=level, why="")
            for number, level in enumerate(unseen)
        ),
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            run([("MUST", "Implemented")] * 8, ["SHOULD"] * 7),
            (
                "8 of 8 MUST of the Kubernetes 1.37 list are implemented; none of 7 SHOULD was"
                " looked at."
            ),
        ),
        (
            run([("MUST", "Implemented"), ("MUST", "Not Implemented")], ["MUST"]),
            "1 of 3 MUST of the Kubernetes 1.37 list is implemented (1 not looked at).",
        ),
        (
            run([("SHOULD", "Implemented")], ["MUST", "SHOULD"]),
            (
                "none of 1 MUST of the Kubernetes 1.37 list was looked at; 1 of 2 SHOULD is"
                " implemented (1 not looked at)."
            ),
        ),
        (run([("not listed", "Implemented")]), "No requirement of the list was looked at."),
        (run([], ["MUST"]), "No requirement was looked at."),
    ],
)
def test_sentence_counts_what_nobody_looked_at(told: RunInfo, words: str) -> None:
    assert headline.sentence(told) == words


def test_what_was_not_looked_at_survives_the_disk(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "out")
    info = run([("MUST", "Implemented")], ["SHOULD"])
    gallery.store.write_run(info)

    assert read_view(tmp_path / "out").run.not_looked_at == info.not_looked_at


def test_shortfalls_go_from_the_worst_to_what_decides_nothing(tmp_path: Path) -> None:
    view = read_view(sample.make(tmp_path / "out"))

    assert [
        (one.tone, [check.result.outcome for _, check in one.checks])
        for one in headline.shortfalls(view)
    ] == [("bad", ["failed"]), ("unsure", ["inconclusive"]), ("bad", ["failed"])]


def test_solutions_are_those_that_were_tried_and_what_came_of_each(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "out")
    evidence = gallery.check("gang_scheduling", "test_x")
    evidence.fact("tried kueue", "gang-0 was bound alone\n  more")
    evidence.fact("tried native", "passes")
    gallery.end()
    gallery.publish()

    view = read_view(tmp_path / "out")
    assert headline.solutions(view.requirements) == [
        ("gang_scheduling", "kueue (gang-0 was bound alone), native")
    ]
