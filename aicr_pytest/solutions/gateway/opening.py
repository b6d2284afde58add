"""Opens a way for requests: through a Gateway of the platform, else through a new one."""

import http.client
from dataclasses import dataclass

from aicr_pytest.cluster.kinds import GATEWAY, HTTP_ROUTE, NAMESPACE, Object
from aicr_pytest.errors import DoesNotApply, NotAllowed
from aicr_pytest.manifests import render_actor
from aicr_pytest.settings import Settings
from aicr_pytest.solutions.frame import Candidate
from aicr_pytest.solutions.gateway.client import Client, Target
from aicr_pytest.solutions.gateway.entrance import (
    Entrance,
    address,
    condition,
    conditions,
    entrances,
    refusals,
    route_line,
)
from aicr_pytest.solutions.gateway.products import Product, accepted, is_accepted
from aicr_pytest.solutions.gateway.split import Answer
from aicr_pytest.workspaces import Workspaces

ROUTE = "route"
"""Name of the HTTPRoute that most checks look at."""
_OUTSIDE = 2.0
"""Seconds for the Gateway to answer where the tests run; it need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way for requests: an entrance that was seen to lead to a backend."""

    entrance: Entrance
    """Listener and Gateway."""
    address: str
    """Of the Gateway: an IP or a host name."""
    prefix: str
    """What the paths of our routes begin with."""
    gateway_class: Object
    """The class of the Gateway."""
    gateway: Object
    """The Gateway, as it was when it was Programmed."""
    answer: Answer
    """The first one that a backend gave."""

    def target(self, path: str) -> Target:
        """Where requests for a path of our routes go."""
        return target(self.entrance, self.address, f"{self.prefix}/{path}")


def target(entrance: Entrance, at: str, path: str) -> Target:
    """Where requests for a path go."""
    return Target(address=at, port=entrance.port, host=entrance.host, path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """One look at a route: what a request met, and what the controller says."""

    answer: Answer
    line: str

    def __str__(self) -> str:
        return f"a request is answered by {self.answer}; {self.line}"


class Opening:
    """Opens ways for the routes of one test module."""

    def __init__(self, workspaces: Workspaces, settings: Settings, client: Client) -> None:
        self._workspaces = workspaces
        self._workspace = workspaces.at()
        self._cluster = self._workspace.cluster
        self._waiter = self._workspace.waiter
        self._settings = settings
        self._client = client

    def through(self, candidate: Candidate[Product]) -> Way:
        """A way through a Gateway of one product.

        Raises:
            AssertionError: no class of it is accepted.
            NotAllowed: no Gateway takes our routes, and a new one is not allowed.
            WaitTimeout: its Gateway is not Programmed, or requests reach no backend.
        """
        classes = candidate.solution.classes(self._cluster)
        taken = {obj["metadata"]["name"]: obj for obj in classes if is_accepted(obj)}
        said = "; ".join(f"{obj['metadata']['name']}: {accepted(obj)}" for obj in classes)
        assert taken, f"No GatewayClass of {candidate.solution.name} is accepted: {said}"
        entrance = self._entrance(candidate.solution.name, sorted(taken))
        gateway = self._programmed(entrance)
        self.route(entrance, ROUTE)
        at = address(gateway)
        return Way(
            entrance=entrance,
            address=at,
            prefix=self.prefix,
            gateway_class=taken[entrance.gateway_class],
            gateway=gateway,
            answer=self._reached(entrance, at),
        )

    @property
    def prefix(self) -> str:
        """What the paths of our routes begin with: nobody else's."""
        return f"/{self._workspace.namespace}"

    def route(self, entrance: Entrance, actor: str, weights: dict[str, int] | None = None) -> None:
        """Create or change a route; the first rule gets other weights where some are given."""
        (route,) = render_actor(
            f"ai_inference/{actor}",
            actor=actor,
            gateway_namespace=entrance.namespace,
            gateway=entrance.gateway,
            listener=entrance.listener,
            host=entrance.host,
            prefix=self.prefix,
        )
        for reference in route["spec"]["rules"][0]["backendRefs"] if weights else ():
            reference["weight"] = (weights or {})[reference["name"]]
        self._workspace.apply([route])

    def route_object(self, actor: str) -> Object:
        """A route as it is now."""
        return self._cluster.get(HTTP_ROUTE, actor, self._workspace.namespace)

    def _entrance(self, product: str, classes: list[str]) -> Entrance:
        named = self._settings.gateway
        gateways = [
            gateway
            for gateway in self._cluster.list(GATEWAY, named.namespace if named else None)
            if gateway["spec"]["gatewayClassName"] in classes
            and (named is None or gateway["metadata"]["name"] == named.name)
        ]
        if named and not gateways:
            raise DoesNotApply(f"--aicr-gateway {named} is no Gateway of {product}.")
        namespace = self._cluster.get(NAMESPACE, self._workspace.namespace)
        found = [ways[0] for gateway in gateways if (ways := entrances(gateway, namespace))]
        if len(found) == 1:
            return found[0]
        if found:
            why = "several Gateways take our routes: " + ", ".join(map(str, found))
        else:
            refused = "; ".join(refusals(gateways, namespace)) or "it has none"
            why = f"no Gateway of {product} takes our routes over HTTP: {refused}"
        if named or "load-balancer" not in self._settings.allow:
            raise NotAllowed(
                f"Inference through {product}: {why}.",
                hint="Name a Gateway that takes HTTPRoutes of all namespaces with --aicr-gateway"
                " NAMESPACE/NAME, or allow a new one with --aicr-allow load-balancer; it may be"
                " public and cost money.",
            )
        return self._new(classes[0])

    def _new(self, gateway_class: str) -> Entrance:
        (gateway,) = render_actor(
            "ai_inference/gateway",
            actor="gateway",
            gateway_class=gateway_class,
            run=self._cluster.run_id,
        )
        (made,) = self._workspaces.at("baseline").apply([gateway])
        namespace = self._cluster.get(NAMESPACE, self._workspace.namespace)
        (entrance,) = entrances(made, namespace)
        return Entrance(
            namespace=entrance.namespace,
            gateway=entrance.gateway,
            gateway_class=gateway_class,
            listener=entrance.listener,
            port=entrance.port,
            host=entrance.host,
            ours=True,
        )

    def _programmed(self, entrance: Entrance) -> Object:
        return self._waiter.for_object(
            f"Gateway {entrance.namespace}/{entrance.gateway}: Programmed, with an address",
            GATEWAY,
            entrance.gateway,
            entrance.namespace,
            until=lambda gateway: bool(
                condition(gateway.get("status"), "Programmed").get("status") == "True"
                and address(gateway)
            ),
            describe=lambda gateway: (
                f"{conditions(gateway.get('status'), gateway['metadata']['generation'])};"
                f" address: {address(gateway) or 'none'}"
            ),
            timeout=self._waiter.deadlines.gateway_programmed,
        )

    def _reached(self, entrance: Entrance, at: str) -> Answer:
        where = target(entrance, at, f"{self.prefix}/model")

        def look() -> _Sight:
            answers, _ = self._client.count(where, 1)
            return _Sight(answer=answers[0], line=route_line(self.route_object(ROUTE), entrance))

        return self._waiter.poll(
            f"{entrance} at {at}:{entrance.port}: a request reaches our backend",
            look,
            until=lambda sight: (sight.answer.status, sight.answer.backend) == (200, "first"),
            timeout=self._waiter.deadlines.route_in_effect,
        ).answer


def from_here(way: Way) -> str:
    """Whether requests of the machine that runs the tests reach a backend; they need not."""
    where = way.target("model")
    connection = http.client.HTTPConnection(where.address, where.port, timeout=_OUTSIDE)
    try:
        connection.request("GET", where.path, headers={"Host": where.host})
        answer = connection.getresponse()
        # Another machine may have the address there, or a proxy answers for all.
        reached = answer.status == 200 and b'"backend": "first"' in answer.read(1000)
        return "a backend answers" if reached else f"somebody else answers: {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return f"not reachable: {error}"
    finally:
        connection.close()
