"""What a way to be collected is: what has to be created for a workload, so that it is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aicr_pytest.cluster.kinds import Object

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.monitoring.endpoints import Endpoint
    from aicr_pytest.requirements.solutions import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What shall be collected: a Service and a pod of the same name and label ``app``."""

    name: str
    """Of both, and value of the label ``app``."""
    port_name: str
    """Name of the port with metrics, of the Service and of the container."""
    port: int
    """Its number."""
    path: str
    """Path of the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What makes a workload known."""

    objects: Sequence[Object] = ()
    """To be created in the workload's namespace."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of the pod."""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    """Of the namespace."""


class Collector(Protocol):
    """One way; see ``solutions.frame.Solution``."""

    @property
    def name(self) -> str:
        """As ``--aicr-solution metrics=`` takes it."""

    @property
    def verified_in_lab(self) -> bool:
        """Whether our own truth tests ran against it."""

    @property
    def looked_for(self) -> str:
        """What shows that it is there."""

    def found(self, cluster: "Cluster") -> "Found | None":
        """Where it is; None where it is not."""

    def endpoint(self, cluster: "Cluster") -> "Endpoint | None":
        """The way to the Prometheus that collects by it; None where any may."""

    def register(self, cluster: "Cluster", workload: Workload) -> Registration:
        """How a workload is made known by it."""
