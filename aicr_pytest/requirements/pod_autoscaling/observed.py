"""What was seen of a scaled Deployment at each stage; the checks compare it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """How many pods the Deployment has."""

    wanted: int
    """As its autoscaler says; 0 while it has said nothing."""
    ready: int
    """Pods that are ready, and not being deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDevices:
    """One of its pods."""

    pod: str
    """Node and name, for people."""
    devices: frozenset[str]
    """Identities of the accelerators that it sees; never empty."""

    def __str__(self) -> str:
        return self.pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Before any load."""

    pod: str
    """The oldest one that is ready; empty where none is."""
    metric: str
    """Name of the metric."""
    value: float | None
    """The pod's metric; None where none is served."""
    target: float
    """What the autoscaler shall keep the average of the pods at."""
    wanted: int
    """Replicas that the autoscaler wants; 0 while it has said nothing."""
    seen: str = field(repr=False)
    """All of it, in a line."""

    def __str__(self) -> str:
        return self.seen

    @property
    def is_quiet(self) -> bool:
        """Whether scaling out could be told from it."""
        return self.value is not None and self.value < self.target and self.wanted == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderLoad:
    """While one pod loads its accelerator."""

    value: float
    """The loaded pod's metric; NaN where none is served."""
    target: float
    """What the autoscaler shall keep the average of the pods at."""
    replicas: Replicas | None = None
    """Of the loaded pod and the one that came; None where the metric did not rise."""
    pods: tuple[PodDevices, ...] = ()
    """The loaded pod and the one that came, once both are ready."""
    because: str = field(default="", repr=False)
    """What did not happen, and what was last seen; empty where all of it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """The metrics of a loaded pod and of one that idles."""

    loaded: float
    """NaN where none is served."""
    idle: float
    """NaN where none is served."""
    target: float
    """What the autoscaler shall keep the average of the pods at."""
    halfway: float
    """Between the metric of an idle pod and the target: an average of both pods is above it."""
    because: str = field(default="", repr=False)
    """What was last seen, and what the vendor's tool shows; empty where each has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterLoad:
    """From the last moment of load on."""

    while_loaded: Replicas
    """At that last moment."""
    replicas: Replicas | None = None
    """Once they went, or when that was given up; None where they went before the load's end."""
    seconds: float = float("inf")
    """From the load's end until one replica was wanted; infinite where that never was."""
    earliest: float = 0.0
    """Seconds before which replicas may not go."""
    because: str = field(default="", repr=False)
    """What did not happen, and what was last seen; empty where all of it did."""


def value_of(values: Mapping[str, float], pod: str) -> float:
    """A pod's metric; NaN, which is neither above nor below anything, where it has none."""
    return values.get(pod, float("nan"))
