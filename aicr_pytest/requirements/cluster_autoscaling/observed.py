"""What was seen of nodes that came and went; the checks compare it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen:
    """A node; another one of the same name is not the same node."""

    name: str
    uid: str = field(repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Where the pod runs that fitted nowhere."""

    pod: str
    """The pod, for people."""
    unschedulable: str
    """Why it had no node at first, as the scheduler says; empty where it says nothing."""
    before: frozenset[NodeSeen] = field(repr=False)
    """All nodes before the pod was created."""
    node: NodeSeen
    """Where it runs."""
    ready: bool
    """Whether that node is Ready."""
    accelerators: int
    """How many that node offers, by whichever mechanism."""
    allocatable: str = field(repr=False)
    """What that node says that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What became of a node that nobody uses any more."""

    gone: bool
    """Whether it went in time."""
    newcomers: tuple[str, ...] = ()
    """Nodes with accelerators that came afterwards, though no pod wants one."""
    because: str = field(default="", repr=False)
    """What is said of a node that is still there; empty where it went."""
