"""What the autoscaling checks need of an autoscaler: how a pod reaches its node pools."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aicr_pytest.cluster.kinds import Object

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.requirements.solutions import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalableNodePools:
    """How a pod says that any of the autoscaler's node pools will do."""

    requirements: tuple[Object, ...] = ()
    """Node affinity terms (``matchExpressions``); none where every node is a candidate."""
    tolerations: tuple[Object, ...] = ()
    """For the taints that its nodes carry."""
    limits: str = ""
    """What limits its node pools, in words; told where no node comes."""
    left_out: str = ""
    """Which node pools would never give an unused node back, and why, in words; not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An object that belongs into the evidence; it decides nothing."""

    title: str
    """What it is."""
    content: Any
    """As the API server answered."""
    source: str
    """The request that it came by."""


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

    @property
    def takes_claims(self) -> bool:
        """Whether it brings nodes for pods with ResourceClaims; else they ask by the resource."""

    def reach(
        self, cluster: "Cluster", offering: "Sequence[Object]", *, scale_in_timeout: float
    ) -> ScalableNodePools:
        """How pods that ask for accelerators reach its node pools.

        Args:
            offering: the nodes that offer accelerators now.
            scale_in_timeout: seconds within which an unused node has to go.

        Raises:
            Inconclusive: no node pool would give an unused node back, so none shall be bought.
        """

    def keeps(self, cluster: "Cluster", node: Object) -> str:
        """Why it leaves an unused node for now, in words; empty where it has no reason."""

    def facts(self, cluster: "Cluster") -> list[Fact]:
        """Node pools, limits, status: for the evidence."""
