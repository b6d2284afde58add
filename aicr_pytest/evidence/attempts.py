"""What several attempts at one check amount to: the worst of them, and a word about the others.

A check may be tried again by a plugin (reruns, repeats), by a duplicate on the command line, or by
another worker. A platform that does it right only the second time does not do it right.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from aicr_pytest.evidence.record import Attempt, Outcome

WORST_FIRST: tuple[Outcome, ...] = (
    "failed",
    "absent",
    "error",
    "inconclusive",
    "skipped",
    "not run",
    "unknown",
    "not applicable",
    "passed",
)
"""Outcomes by the verdict that each leads to, and within one verdict by how much it tells."""


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The one that counts."""
    return min(outcomes, key=WORST_FIRST.index)


def what_counts(attempts: Sequence[Attempt]) -> Attempt:
    """The worst attempt; its message tells of the others, too, where there are any."""
    found = min(attempts, key=lambda attempt: WORST_FIRST.index(attempt.outcome))
    if len(attempts) == 1 or found.outcome == "passed":
        return found
    told = filter(None, (_story([attempt.outcome for attempt in attempts]), found.message))
    return dataclasses.replace(found, message=": ".join(told))


def _story(outcomes: Sequence[Outcome]) -> str:
    runs = [(outcome, len(list(group))) for outcome, group in itertools.groupby(outcomes)]
    told = [f"{outcome} {count} times" if count > 1 else outcome for outcome, count in runs]
    return told[0] if len(told) == 1 else f"{told[0]} at first, then {', then '.join(told[1:])}"
