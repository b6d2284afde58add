"""What the checks have to know of an operator, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    POD,
    Kind,
    Object,
    full_name,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


def exists(obj: Object) -> bool:
    """Ready by being there: for children that have no state, e.g. Services."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What an operator makes for one custom resource."""

    kind: Kind
    """Of the objects; the custom resource is their owner."""
    count: int
    """How many of them the manifest's resource asks for."""
    ready: Callable[[Object], bool] = exists
    """Whether one of them does what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One product; a solution of the area ``operator``."""

    name: str
    """As ``--aicr-solution operator=…`` takes it."""
    product: str
    """As people call it."""
    verified_in_lab: bool
    """Whether our own truth tests ran against the product itself."""
    resource: Kind
    """The custom resource that the checks use."""
    deployments: tuple[str, ...]
    """How the name of the controller's Deployment ends; releases and vendors put a prefix before
    it."""
    repositories: tuple[str, ...]
    """How the repository of the controller's image ends; mirrors change what is before it."""
    manifest: str = ""
    """The actor with the resource, as its last object, and what it refers to; empty: the suite has
    none, and nobody can say whether the operator works."""
    image: str = "probe"
    """The suite's name of the image that the resource's pods run."""
    flaw: str = ""
    """What the operator's rules refuse in the flawed resource, for messages."""
    sound: Mapping[str, str] = field(default_factory=dict)
    """Placeholders of the manifest for the resource without the flaw."""
    flawed: Mapping[str, str] = field(default_factory=dict)
    """The same placeholders with the flaw: valid for the schema, not for the operator."""
    children: tuple[Child, ...] = ()
    """What the resource owns once it is reconciled."""
    replaced: tuple[Kind, str] = (POD, "")
    """Kind and label selector of children that the operator makes again when one is deleted."""
    done: Callable[[Object], bool] = exists
    """Whether the resource's status says that it is reconciled."""
    says: Callable[[Object], str] = str
    """The resource's status in one line."""
    remark: str = ""
    """What a reader of the verdict has to know of the product; empty: nothing."""

    @property
    def looked_for(self) -> str:
        """What shows that it is installed."""
        version = f" with version {self.resource.version}" if self.manifest else ""
        return f"CRD {self.resource.resource}{version}"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether its CRD is there, and where its controller runs."""
        crd = cluster.find(CUSTOM_RESOURCE_DEFINITION, self.resource.resource)
        if crd is None or (self.manifest and not _serves(crd, self.resource.version)):
            return None
        controllers = self.controllers(cluster)
        if not controllers:
            return Found(where=f"CRD {self.resource.resource}; no Deployment of its controller")
        first = controllers[0]
        metadata = first["metadata"]
        return Found(
            where=full_name(DEPLOYMENT, metadata["name"], metadata["namespace"]),
            version=", ".join(image.rpartition(":")[2] for image in _images(first)),
            facts={"image": ", ".join(_images(first))},
        )

    def controllers(self, cluster: "Cluster") -> list[Object]:
        """The Deployments that run its controller, in whatever namespace."""
        return [obj for obj in cluster.list(DEPLOYMENT) if self.is_controller(obj)]

    def is_controller(self, deployment: Object) -> bool:
        """Whether a Deployment runs this product's controller, by its name or its image."""
        name: str = deployment["metadata"]["name"]
        if name.endswith(self.deployments):
            return True
        return any(_repository(image).endswith(self.repositories) for image in _images(deployment))


def _images(deployment: Object) -> list[str]:
    return [each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]]


def _repository(image: str) -> str:
    """``/host/path/name`` of an image reference, with neither tag nor digest."""
    path, _, name = image.partition("@")[0].rpartition("/")
    return f"/{path}/{name.partition(':')[0]}"


def _serves(crd: Object, version: str) -> bool:
    return any(one["name"] == version and one["served"] for one in crd["spec"]["versions"])
