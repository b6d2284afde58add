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
LOST = 1.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How requests were split between backends."""

    percent: Mapping[str, float]
    """Of all answers of backends, by backend."""
    unanswered: float
    """Percent of the requests that reached no backend."""
    misses: tuple[str, ...]
    """In what it is not what the weights promise, as sentences."""
    route: str
    """What the controller says of the route meanwhile."""

    def because(self) -> str:
        """In what it is not the split, and what the controller says."""
        return "\n".join([*self.misses, f"though {self.route}"])


def split_of(answers: Sequence[Answer], weights: Mapping[str, int], route: str) -> Split:
    """What answers tell of the split by some weights."""
    return Split(
        percent={one.backend: one.percent for one in shares(answers, weights)},
        unanswered=unanswered(answers),
        misses=tuple(misses(answers, weights)),
        route=route,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """Where requests of one kind went."""

    carried: str
    """The header that they had."""
    wanted: str
    """The backend that the route names for it."""
    answers: tuple[Answer, ...]
    """What came back."""

    @property
    def reached(self) -> frozenset[str]:
        """The backends that answered."""
        return frozenset(one.backend for one in answered(self.answers))

    def because(self) -> str:
        """What went astray; empty where nothing did."""
        wrong = "; ".join(astray(self.answers, self.wanted))
        return wrong and f"requests with {self.carried} were for {self.wanted}: {wrong}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRouting:
    """Where requests went by what they carried."""

    kinds: tuple[Routed, ...]
    """Each kind of request."""
    route: str
    """What the controller says of the route meanwhile."""

    @property
    def reached(self) -> dict[str, frozenset[str]]:
        """The backends that answered, by the header that requests carried."""
        return {one.carried: one.reached for one in self.kinds}

    @property
    def unanswered(self) -> float:
        """Percent of the requests that reached no backend, of the kind that fared worst."""
        return max(unanswered(one.answers) for one in self.kinds)

    def because(self) -> str:
        """What went astray, and what the controller says."""
        wrong = [said for one in self.kinds if (said := one.because())]
        return "\n".join([*wrong, f"though {self.route}"])


def unanswered(answers: Sequence[Answer]) -> float:
    """Percent of requests that reached no backend; all of them where none was sent."""
    reached = len(answered(answers))
    return 100 * (len(answers) - reached) / len(answers) if answers else 100.0


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
    if not answers:
        return ["no request was sent"]
    if unanswered(answers) <= LOST:
        return []
    strays = [answer for answer in answers if not answered([answer])]
    return [f"{len(strays)} of {len(answers)} requests reached no backend: {summary(strays)}"]
