"""What the autoscaling checks need of an autoscaler: how a pod reaches its node pools."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.solutions.frame import Found

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a pod says that any of the autoscaler's node pools will do."""

    requirements: tuple[Object, ...] = ()
    """Node affinity terms (``matchExpressions``); none where every node is a candidate."""
    tolerations: tuple[Object, ...] = ()
    """For the taints that its nodes carry."""
    limits: str = ""
    """What limits its node pools, in words; told where no node comes."""
    forbids_removal: str = ""
    """Why it may not remove an unused node, in words; empty where it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An object that belongs into the evidence; it decides nothing."""

    title: str
    """What it is."""
    content: Any
    """As the API server answered."""
    source: str
    """The command of the same meaning."""


class Autoscaler(Protocol):
    """A product that brings and removes nodes."""

    @property
    def name(self) -> str:
        """As ``--aicr-solution`` takes it."""

    @property
    def verified_in_lab(self) -> bool:
        """Whether our own truth tests ran against the product itself."""

    @property
    def looked_for(self) -> str:
        """What shows that it is installed, for people."""

    def found(self, cluster: "Cluster") -> "Found | None":
        """Where it is installed; None where it is not."""

    def reach(self, cluster: "Cluster", resource: str) -> Reach:
        """How pods that ask for a resource reach its node pools."""

    def facts(self, cluster: "Cluster") -> list[Fact]:
        """Node pools, limits, status: for the evidence."""
