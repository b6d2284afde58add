"""Opens a way for requests: through a Gateway of the platform, else through a new one."""

import contextlib
import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aicr_pytest.cluster import addresses, pod_state
from aicr_pytest.cluster.bounds import AnswerTooLarge, BoundedResponse
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import GATEWAY, HTTP_ROUTE, NAMESPACE, Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import DoesNotApply, NotAllowed, ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.requirements.ai_inference import traffic_split
from aicr_pytest.requirements.ai_inference.backends import Backends
from aicr_pytest.requirements.ai_inference.client import Target
from aicr_pytest.requirements.ai_inference.listener import (
    Listener,
    address,
    conditions,
    denials,
    listeners,
    route_line,
)
from aicr_pytest.requirements.ai_inference.solutions.gateway_classes import (
    Product,
    accepted,
    is_accepted,
)
from aicr_pytest.requirements.ai_inference.traffic_split import Answer
from aicr_pytest.workloads.manifests import render_actor

_REACHED = "a backend answers"
_TWINS = 5
"""Requests to a backend without the Gateway, of which one has to be answered."""
_OUTSIDE = 2.0
"""Seconds for the Gateway to answer where the tests run; it need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way for requests: an entrance that was seen to lead to a backend."""

    listener: Listener
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
    since: float
    """When its route was made, by the monotonic clock."""

    def target(self, path: str) -> Target:
        """Where requests for a path of our routes go."""
        return target(self.listener, self.address, f"{self.prefix}/{path}")


def target(listener: Listener, at: str, path: str) -> Target:
    """Where requests for a path go."""
    return Target(address=at, port=listener.port, host=listener.host, path=path, tls=listener.tls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """One look at a route: what a request met, and what the controller says."""

    answer: Answer
    line: str

    def __str__(self) -> str:
        return f"a request is answered by {self.answer}; {self.line}"


class GatewayAccess:
    """Opens a way through one product, for the routes of one test module."""

    def __init__(self, product: Product, backends: Backends) -> None:
        self._product = product
        self._backends = backends
        self._platform = backends.platform
        self._made: Listener | None = None

    @property
    def _workspace(self) -> Workspace:
        return self._platform.workspaces.at()

    @property
    def _cluster(self) -> Cluster:
        return self._workspace.cluster

    @property
    def _waiter(self) -> Waiter:
        return self._workspace.waiter

    def gateway_route(self) -> Route:
        """A way through a Gateway of the product.

        Raises:
            WaitFailed: no class of it is accepted.
            NotAllowed: no Gateway takes our routes, and a new one is not allowed.
            WaitTimeout: its Gateway is not Programmed, or requests reach no backend.
            ProbeFailed: requests reach no backend, and it is not the Gateway that they fail at.
        """
        classes = self._product.classes(self._cluster)
        taken = {obj["metadata"]["name"]: obj for obj in classes if is_accepted(obj)}
        said = "; ".join(f"{obj['metadata']['name']}: {accepted(obj)}" for obj in classes)
        if not taken:
            raise WaitFailed(f"No GatewayClass of {self._product.name} is accepted: {said}")
        listener = self._listener(sorted(taken))
        gateway = self._programmed(listener)
        since = time.monotonic()
        self.route(listener, "route")
        at = address(gateway)
        return Route(
            listener=listener,
            address=at,
            prefix=self.prefix,
            gateway_class=taken[listener.gateway_class],
            gateway=gateway,
            answer=self._reached(listener, at),
            since=since,
        )

    def close(self) -> bool:
        """Take down the Gateway that was made, and wait until it is gone; whether there was one."""
        if self._made is None:
            return False
        at, name = self._made.namespace, self._made.gateway
        found = self._cluster.find(GATEWAY, name, at)
        if found:
            uid = found["metadata"]["uid"]
            self._cluster.delete(GATEWAY, name, at, uid=uid)
            with contextlib.suppress(WaitTimeout):  # the workspace tells what stays
                self._waiter.until_gone(
                    f"Gateway {at}/{name}: gone",
                    GATEWAY,
                    name,
                    at,
                    uid=uid,
                    timeout=self._waiter.deadlines.gateway_gone,
                )
        return True

    @property
    def prefix(self) -> str:
        """What the paths of our routes begin with: nobody else's."""
        return f"/{self._workspace.namespace}"

    def route(
        self, listener: Listener, actor: str, weights: Mapping[str, int] | None = None
    ) -> str:
        """Create or change a route; its name.

        Args:
            actor: the manifest.
            weights: of the first rule, instead of the manifest's.
        """
        name = f"{actor}-{self._product.name}"  # another product's is not to be led elsewhere
        (route,) = render_actor(
            f"ai_inference/{actor}",
            actor=name,
            gateway_namespace=listener.namespace,
            gateway=listener.gateway,
            listener=listener.listener,
            host=listener.host,
            prefix=self.prefix,
        )
        for reference in route["spec"]["rules"][0]["backendRefs"] if weights else ():
            reference["weight"] = (weights or {})[reference["name"]]
        self._workspace.apply([route])
        return name

    def route_object(self) -> Object:
        """The route that most checks look at, as it is now."""
        name = f"route-{self._product.name}"
        return self._cluster.get(HTTP_ROUTE, name, self._workspace.namespace)

    def _listener(self, classes: list[str]) -> Listener:
        product, named = self._product.name, self._platform.settings.gateway
        gateways = [
            gateway
            for gateway in self._cluster.list(GATEWAY, named.namespace if named else None)
            if gateway["spec"]["gatewayClassName"] in classes
            and (named is None or gateway["metadata"]["name"] == named.name)
        ]
        if named and not gateways:
            raise DoesNotApply(f"--aicr-gateway {named} is no Gateway of {product}.")
        namespace = self._cluster.get(NAMESPACE, self._workspace.namespace)
        found = [ways[0] for gateway in gateways if (ways := listeners(gateway, namespace))]
        if len(found) == 1:
            return found[0]
        if found:
            why = "several Gateways take our routes: " + ", ".join(map(str, found))
        else:
            refused = "; ".join(denials(gateways, namespace)) or "it has none"
            why = f"no Gateway of {product} takes our routes: {refused}"
        if named or "load-balancer" not in self._platform.settings.allow:
            raise NotAllowed(
                f"Inference through {product}: {why}.",
                hint="Name a Gateway that takes HTTPRoutes of all namespaces with --aicr-gateway"
                " NAMESPACE/NAME, or allow a new one with --aicr-allow load-balancer; it may be"
                " public and cost money.",
            )
        return self._new(classes[0])

    def _new(self, gateway_class: str) -> Listener:
        (gateway,) = render_actor(
            "ai_inference/gateway",
            actor=f"gateway-{self._product.name}",
            gateway_class=gateway_class,
            run=self._cluster.run_id,
        )
        (made,) = self._platform.workspaces.at("baseline").apply([gateway])
        namespace = self._cluster.get(NAMESPACE, self._workspace.namespace)
        (listener,) = listeners(made, namespace)
        self._made = replace(listener, ours=True)
        return self._made

    def _programmed(self, listener: Listener) -> Object:
        return self._waiter.for_object(
            f"Gateway {listener.namespace}/{listener.gateway}: Programmed, with an address",
            GATEWAY,
            listener.gateway,
            listener.namespace,
            until=lambda gateway: bool(
                pod_state.condition(gateway, "Programmed").get("status") == "True"
                and address(gateway)
            ),
            describe=lambda gateway: (
                f"{conditions(gateway.get('status'), gateway['metadata']['generation'])};"
                f" address: {address(gateway) or 'none'}"
            ),
            timeout=self._waiter.deadlines.gateway_programmed,
        )

    def _reached(self, listener: Listener, at: str) -> Answer:
        where = target(listener, at, f"{self.prefix}/model")

        def look() -> _Snapshot:
            answers, _ = self._backends.client.count(where, 1)
            return _Snapshot(answer=answers[0], line=route_line(self.route_object(), listener))

        try:
            return self._waiter.poll(
                f"{listener} at {at}:{listener.port}: a request reaches our backend",
                look,
                until=lambda snapshot: (
                    (snapshot.answer.status, snapshot.answer.backend) == (200, "first")
                ),
                timeout=self._waiter.deadlines.route_in_effect,
            ).answer
        except WaitTimeout as error:
            self._see_that_we_can_look(where, error)
            raise

    def _see_that_we_can_look(self, where: Target, error: WaitTimeout) -> None:
        """Raises where it is the client, not the Gateway, that cannot be reached.

        Raises:
            ProbeFailed: the client reaches no backend directly either, or others reach the Gateway,
                or its address is one that nobody is to ask.
        """
        answers, _ = self._backends.client.count(self._backends.direct(), _TWINS)
        if not traffic_split.answered(answers):
            raise ProbeFailed(
                f"The client pod does not reach a backend without the Gateway either:"
                f" {traffic_split.summary(answers)}.\n  {error}",
                hint="Let pods of namespaces aicr-* talk to each other and to the Gateway.",
            ) from error
        try:
            addresses.resolve(where.address, where.port)
        except addresses.NotAsked as why:
            raise ProbeFailed(
                f"The Gateway's address is not asked from here ({why}), so that nobody can tell"
                f" whether it is the Gateway or the way to it that fails.\n  {error}",
                hint="Let the Gateway have an address that leads to it from other machines.",
            ) from error
        if from_here(where) == _REACHED:
            raise ProbeFailed(
                f"The Gateway is reachable from outside, but not from pods.\n  {error}",
                hint="Let pods of namespaces aicr-* talk to the Gateway's address.",
            ) from error


def from_here(where: Target) -> str:
    """Whether requests of the machine that runs the tests reach a backend; they need not."""
    if where.tls:
        return "not asked, since it speaks TLS"
    try:
        at = addresses.resolve(where.address, where.port)
    except addresses.NotAsked as error:
        return f"not asked: {error}"
    connection = http.client.HTTPConnection(at, where.port, timeout=_OUTSIDE)
    connection.response_class = BoundedResponse
    try:
        connection.request("GET", where.path, headers={"Host": where.host})
        answer = connection.getresponse()
        # Another machine may have the address there, or a proxy answers for all.
        reached = answer.status == 200 and b'"backend": "first"' in answer.read(1000)
        return _REACHED if reached else f"somebody else answers: {answer.status}"
    except (OSError, http.client.HTTPException, AnswerTooLarge, ValueError) as error:
        return f"not reachable: {error}"
    finally:
        connection.close()
