"""Products are told by the controllers of their classes; unknown ones are looked at as well."""

from typing import Any, cast

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.errors import ApiError
from aicr_pytest.requirements.ai_inference.solutions.gateway_classes import (
    SOLUTIONS,
    Product,
    accepted,
    is_accepted,
)


class Served:
    """A cluster with these GatewayClasses, or without the Gateway API."""

    def __init__(self, *classes: dict[str, Any], status: int = 0) -> None:
        self._classes = list(classes)
        self._status = status

    def list(self, kind: object) -> list[dict[str, Any]]:
        """The classes."""
        if self._status:
            raise ApiError(self._status, "", "", request="GET")
        return self._classes


def gateway_class(name: str, controller: str, *conditions: dict[str, str]) -> dict[str, Any]:
    """A GatewayClass."""
    return {
        "metadata": {"name": name},
        "spec": {"controllerName": controller},
        "status": {"conditions": list(conditions)},
    }


def found_by(cluster: Served) -> list[str]:
    """Names of the products that are found."""
    return [product.name for product in SOLUTIONS if product.found(cast(Cluster, cluster))]


def product(name: str) -> Product:
    """A product of the table."""
    return next(product for product in SOLUTIONS if product.name == name)


def test_product_is_found_by_its_controller() -> None:
    assert found_by(Served(gateway_class("x", "projectcontour.io/gateway-controller"))) == [
        "contour"
    ]


def test_controller_that_nobody_knows_is_looked_at_as_well() -> None:
    assert found_by(Served(gateway_class("x", "example.com/theirs"))) == ["gateway-api"]


def test_class_that_serves_no_http_routes_is_no_gateway() -> None:
    assert found_by(Served(gateway_class("istio-waypoint", "istio.io/mesh-controller"))) == []


def test_cluster_without_the_gateway_api_has_none() -> None:
    assert found_by(Served(status=404)) == []
    with pytest.raises(ApiError):
        found_by(Served(status=422))


def test_class_that_nobody_accepts_is_found_with_the_reason() -> None:
    said = {"type": "Accepted", "status": "False", "reason": "Broken", "message": "no parameters"}
    refused = gateway_class("x", "projectcontour.io/gateway-controller", said)

    found = product("contour").found(cast(Cluster, Served(refused)))

    assert found is not None
    assert "Accepted=False (Broken: no parameters)" in str(found)
    assert not is_accepted(refused)
    assert accepted(gateway_class("x", "y")) == "Accepted has never been said"


def test_no_controller_belongs_to_two_products() -> None:
    controllers = [controller for one in SOLUTIONS for controller in one.controllers]

    assert len(controllers) == len(set(controllers))
