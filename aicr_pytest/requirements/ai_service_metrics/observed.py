"""What the monitoring system was seen to show of a service, and in what that falls short."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A service that the monitoring system has found."""

    samples: int
    """Series of it that have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the request counter gained while a known number of requests was answered.

    Of a service that others use, too, no series gains more by our requests than we sent.
    """

    sent: int
    """Requests that were answered."""
    gained: Mapping[str, float]
    """By series."""
    faults: tuple[str, ...]
    """Where it is not what was sent, as sentences."""
    lag: str
    """Why the samples did not become what was expected; empty where they did."""

    def because(self) -> str:
        """In what it falls short; empty where it does not."""
        return _told(self.faults, self.lag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the latency histogram gained meanwhile; see ``Counted``."""

    sent: int
    """Requests that were answered."""
    counts: Mapping[str, float]
    """What its count gained, by series."""
    last_buckets: Mapping[str, float]
    """What its last buckets gained, which hold all observations, by series."""
    faults: tuple[str, ...]
    """Where these are not what was sent, as sentences."""
    lag: str
    """Why the samples did not become what was expected; empty where they did."""

    def because(self) -> str:
        """In what it falls short; empty where it does not."""
        return _told(self.faults, self.lag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What the queue gauge showed."""

    name: str
    """Of the gauge."""
    prometheus: str
    """Who showed it."""
    held: int
    """Requests of ours that waited at the same time; 0 where none was made to wait."""
    peak: float
    """The highest number that was shown while they did; 0 where none was made to wait."""
    left: float
    """What was shown once all were answered; 0 where none was made to wait."""
    faults: tuple[str, ...] = ()
    """Series that show no number of requests, or that there are none, as sentences."""

    def because(self) -> str:
        """In what it does not show the requests that waited; empty where it does."""
        if self.peak != self.held:
            showed = f"the highest {self.name} that {self.prometheus} showed is {self.peak:g}"
            return f"{self.held} requests waited, and {showed}"
        if self.left:
            return f"no request waits any more, and {self.name} is still {self.left:g}"
        return "\n".join(self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """The targets of a service that is gone."""

    pod: str
    """That was behind it."""
    targets: tuple[str, ...] | None
    """Those that the monitoring system still has; None where it tells none any more."""
    lag: str
    """Why they did not become none; empty where they did."""

    def because(self) -> str:
        """What stays."""
        return f"{self.pod} is gone, and its target stays: {self.lag}"


def _told(faults: tuple[str, ...], lag: str) -> str:
    return "\n".join([*faults, *([lag] if lag else [])]) if faults else ""
