"""The products, as data: all serve one API, so what differs is the controller's name.

A name is in the table where the product's own documentation gives it. Whatever is not in it is
found as ``gateway-api`` and treated the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import GATEWAY_CLASS, Object
from aicr_pytest.errors import ApiError
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product, known by the controller that its GatewayClasses name."""

    name: str
    """As ``--aicr-solution gateway=`` takes it."""
    controllers: tuple[str, ...]
    """``spec.controllerName`` of its classes; none: every controller that no other product has."""
    verified_in_lab: bool = False
    """Whether our own truth tests ran against the product itself."""

    @property
    def looked_for(self) -> str:
        """What shows that it is installed."""
        controllers = " or ".join(self.controllers) or "any other controller"
        return f"a GatewayClass of {controllers}"

    def found(self, cluster: "Cluster") -> Found | None:
        """Its classes, accepted or not: a class that nobody accepts is broken, not absent."""
        classes = self.classes(cluster)
        if not classes:
            return None
        facts = {
            name: f"controller {obj['spec']['controllerName']}, {accepted(obj)}"
            for obj in classes
            if (name := obj["metadata"]["name"])
        }
        return Found(where=f"{len(classes)} GatewayClass in the cluster", facts=facts)

    def classes(self, cluster: "Cluster") -> list[Object]:
        """Its GatewayClasses, by name."""
        return [obj for obj in gateway_classes(cluster) if self._has(obj)]

    def _has(self, obj: Object) -> bool:
        controller = obj["spec"]["controllerName"]
        if self.controllers:
            return controller in self.controllers
        return controller not in _KNOWN and controller not in _NOT_FOR_HTTP


def gateway_classes(cluster: "Cluster") -> list[Object]:
    """Every GatewayClass, by name; none where the Gateway API is not served."""
    try:
        found: Sequence[Object] = cluster.list(GATEWAY_CLASS)
    except ApiError as error:
        if error.status == 404:
            return []
        raise
    return sorted(found, key=lambda obj: str(obj["metadata"]["name"]))


def accepted(obj: Object) -> str:
    """The condition ``Accepted`` of a GatewayClass, e.g. ``Accepted=True``, with its message."""
    found = pod_state.condition(obj, "Accepted")
    if not found:
        return "Accepted has never been said"
    said = f"Accepted={found['status']}"
    if found["status"] == "True":
        return said
    return f"{said} ({found.get('reason', '')}: {found.get('message', '')})"


def is_accepted(obj: Object) -> bool:
    """Whether its controller has taken a GatewayClass."""
    return accepted(obj) == "Accepted=True"


SOLUTIONS: tuple[Product, ...] = (
    Product(
        name="contour",
        controllers=("projectcontour.io/gateway-controller",),
        verified_in_lab=True,
    ),
    Product(
        name="envoy-gateway",
        controllers=("gateway.envoyproxy.io/gatewayclass-controller",),
        verified_in_lab=True,
    ),
    Product(name="istio", controllers=("istio.io/gateway-controller",)),
    Product(name="cilium", controllers=("io.cilium/gateway-controller",)),
    Product(name="gke", controllers=("networking.gke.io/gateway",)),
    Product(name="aws-load-balancer-controller", controllers=("gateway.k8s.aws/alb",)),
    Product(name="azure-alb", controllers=("alb.networking.azure.io/alb-controller",)),
    Product(
        name="kgateway", controllers=("kgateway.dev/kgateway", "agentgateway.dev/agentgateway")
    ),
    Product(name="nginx", controllers=("gateway.nginx.org/nginx-gateway-controller",)),
    Product(name="traefik", controllers=("traefik.io/gateway-controller",)),
    Product(name="kong", controllers=("konghq.com/kic-gateway-controller",)),
    Product(name="gateway-api", controllers=()),
)
"""In the order in which they are tried; those that the lab runs first."""

_KNOWN = frozenset(controller for product in SOLUTIONS for controller in product.controllers)
_NOT_FOR_HTTP = frozenset({"istio.io/mesh-controller", "gateway.k8s.aws/nlb"})
"""Controllers of classes that serve no HTTPRoute."""
