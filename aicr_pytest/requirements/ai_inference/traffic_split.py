"""Whether counted answers are the split that was asked for: pure statistics.

With 1,000 requests and a share of 80 % the count has a standard deviation of 1.3 points where the
gateway draws at random, and of none where it counts. Five points are four deviations: a random
splitter misses them once in 16,000 times, and then again with 2,000 more less than once in 10^11.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

REQUESTS = 1000
"""How many are sent to judge a split."""
CONFIRMATION = 2000
"""How many more before a miss counts."""
TOLERANCE = 5.0
"""Points of a percentage by which a backend's share may miss its weight."""
SETTLING = 100
"""Requests of one look at a split that may not be in effect yet."""
EACH = 100
"""Requests per kind of header."""
HEADER_SETTLING = 10
"""Requests of one look at a header rule that may not be in effect yet."""
_ROUGHLY = 15.0
"""Points by which so few may miss: 3.75 standard deviations at 80 %."""
_LOST = 1.0
"""Percent of requests that may go unanswered on a busy platform; they are told, and not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request."""

    status: int
    """HTTP status; 0 where no answer came."""
    backend: str = ""
    """Who answered, as it says itself; empty where none of ours did."""
    detail: str = ""
    """What went wrong where no answer came."""
    milliseconds: float = 0.0
    """From the first byte sent to the last one received."""

    def __str__(self) -> str:
        if not self.status:
            return self.detail or "no answer"
        return f"{self.status} by {self.backend}" if self.backend else str(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one backend got."""

    backend: str
    """Its name."""
    weight: int
    """As the route says."""
    expected: float
    """Percent that follow from the weights."""
    count: int
    """Answers that it gave."""
    percent: float
    """Of all answers of backends."""

    @property
    def lowest(self) -> float:
        """Percent that still fit."""
        return max(0.0, self.expected - TOLERANCE)

    @property
    def highest(self) -> float:
        """Percent that still fit."""
        return min(100.0, self.expected + TOLERANCE)

    @property
    def fits(self) -> bool:
        """Whether it is what the weight promises."""
        return self.lowest <= self.percent <= self.highest


def answered(answers: Iterable[Answer]) -> list[Answer]:
    """Those that a backend of ours gave with 200."""
    return [answer for answer in answers if answer.status == 200 and answer.backend]


def shares(answers: Sequence[Answer], weights: Mapping[str, int]) -> list[Share]:
    """What each backend got, those of the route first."""
    counted = Counter(answer.backend for answer in answered(answers))
    total, heap = counted.total(), sum(weights.values())
    return [
        Share(
            backend=backend,
            weight=weights.get(backend, 0),
            expected=100 * weights.get(backend, 0) / heap,
            count=counted[backend],
            percent=100 * counted[backend] / total if total else 0.0,
        )
        for backend in [*weights, *sorted(counted.keys() - weights.keys())]
    ]


def misses(answers: Sequence[Answer], weights: Mapping[str, int]) -> list[str]:
    """In what the answers are not the split, as sentences."""
    return [
        *lost(answers),
        *(_sentence(one) for one in shares(answers, weights) if not _fine(one)),
    ]


def astray(answers: Sequence[Answer], backend: str) -> list[str]:
    """Whether requests that were all for one backend reached another one, as sentences.

    One that did is one too many; of those that reached none a few are told and not judged.
    """
    wrong = [one for one in answered(answers) if one.backend != backend]
    told = f"{len(wrong)} of {len(answers)} reached another backend; answers: {summary(answers)}"
    return [*([told] if wrong else []), *lost(answers)]


def is_near(answers: Sequence[Answer], weights: Mapping[str, int]) -> bool:
    """Whether a few answers are roughly the split, so that it seems to be in effect."""
    if not answers or lost(answers):
        return False
    return all(
        abs(one.percent - one.expected) <= _ROUGHLY and (one.count > 0) == (one.weight > 0)
        for one in shares(answers, weights)
    )


def summary(answers: Sequence[Answer]) -> str:
    """How often each answer came, in one line."""
    counted = Counter(str(answer) for answer in answers)
    return ", ".join(f"{count} times {what}" for what, count in counted.most_common(6)) or "none"


def _fine(share: Share) -> bool:
    return share.fits and (share.count > 0) == (share.weight > 0)


def _sentence(share: Share) -> str:
    return (
        f"backend {share.backend} of weight {share.weight} answered {share.count} requests:"
        f" {share.percent:.1f} %, expected {share.lowest:g} to {share.highest:g} %"
    )


def lost(answers: Sequence[Answer]) -> list[str]:
    """Whether more requests than a few reached no backend, as a sentence."""
    strays = [answer for answer in answers if not answered([answer])]
    if not answers:
        return ["no request was sent"]
    if 100 * len(strays) <= _LOST * len(answers):
        return []
    return [f"{len(strays)} of {len(answers)} requests reached no backend: {summary(strays)}"]
