"""One gateway on trial: what requests that are sent through it meet."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import HTTP_ROUTE, requests_for
from aicr_pytest.errors import AicrError, DoesNotApply, ProbeFailed
from aicr_pytest.evidence.record import Observation
from aicr_pytest.once import Once
from aicr_pytest.requirements.ai_inference import streaming, traffic_split
from aicr_pytest.requirements.ai_inference.backends import Backends
from aicr_pytest.requirements.ai_inference.gateway import GatewayAccess, Route, from_here
from aicr_pytest.requirements.ai_inference.listener import conditions, parent, route_line
from aicr_pytest.requirements.ai_inference.solutions.gateway_classes import Product
from aicr_pytest.requirements.solutions import Candidate, Solutions
from aicr_pytest.requirements.trials import Step, Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform

MODEL_HEADER = "x-gateway-model-name"
"""The header in which gateways for inference carry the ``model`` of an OpenAI request."""
_BY_HEADER: tuple[tuple[dict[str, str], str], ...] = (
    ({MODEL_HEADER: "second-model"}, "second"),
    ({}, "first"),
    ({MODEL_HEADER: "another-model"}, "first"),
)
"""Headers of a request, and the backend that its rule names."""
_AT_FIRST: Mapping[str, int] = {"first": 80, "second": 20}
_LATER: Mapping[str, int] = {"first": 30, "second": 70}
_MISSING = 20
"""Requests to a backend that does not exist."""


class GatewayTrial:
    """Looks through one product's Gateway; each look gives what is wrong as sentences, or nothing.

    What goes wrong while the way is opened is raised again in every look: all need it.
    """

    def __init__(self, candidate: Candidate[Product], backends: Backends) -> None:
        self._backends = backends
        self._platform = backends.platform
        self._opening = GatewayAccess(candidate.solution, backends)
        self._open = Once(self._open_way, final=(AicrError, AssertionError))
        self._taken_down = False
        self._seen: list[Observation] = []

    def reach(self) -> list[str]:
        """A Gateway of the platform's class is Programmed, and its address leads to a backend."""
        way, evidence = self._opened(), self._platform.evidence
        evidence.fact("entrance", str(way.entrance))
        evidence.fact("class", way.entrance.gateway_class)
        evidence.fact("address", f"{way.address}:{way.entrance.port}")
        evidence.fact("from where the tests run", from_here(way.target("model")))
        reached = (way.answer.status, way.answer.backend)
        return [] if reached == (200, "first") else [f"a request is answered by {way.answer}"]

    def split(self) -> list[str]:
        """Requests are split by the weights of a route: 80 to 20."""
        way = self._opened()
        return self._split(way, _AT_FIRST, since=way.since)

    def changed(self) -> list[str]:
        """After its weights are changed to 30 and 70, they are split by the new ones."""
        way = self._opened()
        since = time.monotonic()
        self._opening.route(way.entrance, "route", _LATER)
        return self._split(way, _LATER, since=since)

    def by_header(self) -> list[str]:
        """A request whose header names a model reaches its backend, any other the default one."""
        way = self._opened()
        found = self._backends.meter.header_faults(way.target("model"), _BY_HEADER, since=way.since)
        return self._though(way, found)

    def missing_backend(self) -> list[str]:
        """A route to a backend that does not exist says so, and no request to it is answered 200.

        Raises:
            WaitTimeout: the route is not reported as what it is.
        """
        way, evidence = self._opened(), self._platform.evidence
        workspace = self._platform.workspaces.at()
        name = self._opening.route(way.entrance, "missing")

        def resolved(route: dict[str, Any]) -> Mapping[str, object]:
            return pod_state.condition({"status": parent(route, way.entrance)}, "ResolvedRefs")

        route = workspace.waiter.for_object(
            f"HTTPRoute {workspace.namespace}/{name}: ResolvedRefs=False, as its backend does not"
            " exist",
            HTTP_ROUTE,
            name,
            workspace.namespace,
            until=lambda route: resolved(route).get("status") == "False",
            describe=lambda route: conditions(parent(route, way.entrance), 1),
            timeout=workspace.waiter.deadlines.route_reported,
        )
        request = HTTP_ROUTE.request("GET", workspace.namespace, name)
        evidence.yaml("The route", route, source=request)
        answers, execution = self._backends.client.count(way.target("missing"), _MISSING)
        evidence.execution(execution, "Answers of the backend that does not exist")
        twin, _ = self._backends.client.count(way.target("model"), 1)
        if not traffic_split.answered(twin):
            raise ProbeFailed(f"A backend that exists is not reached meanwhile: {twin[0]}")
        good = [answer for answer in answers if answer.status == 200]
        if not good:
            return []
        return [f"{len(good)} of {_MISSING} requests to a missing backend were answered 200"]

    def stream(self) -> list[str]:
        """A streamed answer comes event by event.

        Raises:
            ProbeFailed: it does not do so without the Gateway either.
        """
        way, evidence = self._opened(), self._platform.evidence
        pieces, execution = self._backends.client.stream(self._backends.direct())
        evidence.execution(execution, "The stream without the Gateway")
        if blind := streaming.held_back(pieces):
            raise ProbeFailed(f"Without the Gateway: {'; '.join(blind)}.")
        pieces, execution = self._backends.client.stream(way.target("model"))
        evidence.execution(execution, "The stream through the Gateway")
        return streaming.held_back(pieces)

    def bodies(self) -> list[str]:
        """A body of some megabytes comes through, there and back."""
        way = self._opened()
        seen, execution = self._backends.client.bodies(way.target("model"), streaming.BODY)
        self._platform.evidence.execution(execution, "Large bodies through the Gateway")
        return streaming.mutilated(seen)

    def leave(self) -> None:
        """Take down a Gateway of our own before the next product makes one: each may cost money."""
        self._taken_down = self._opening.close()

    # -- the way -------------------------------------------------------------------------------

    def _opened(self) -> Route:
        way = self._open()
        if self._taken_down:
            raise DoesNotApply(
                "Another product was tried after this one, and its Gateway was taken down."
            )
        for observation in self._seen:
            self._platform.evidence.cite(observation)
        return way

    def _open_way(self) -> Route:
        self._backends.started()
        started = time.monotonic()
        way = self._opening.way()
        evidence = self._platform.evidence
        evidence.fact("seconds until a request arrived", f"{time.monotonic() - started:.1f}")
        self._seen = [
            *(
                evidence.yaml(obj["kind"], obj, source=requests_for("GET", [obj]))
                for obj in (way.gateway_class, way.gateway)
            ),
            self._note_route(way),
        ]
        return way

    # -- looks ---------------------------------------------------------------------------------

    def _split(self, way: Route, weights: Mapping[str, int], *, since: float) -> list[str]:
        missed = self._backends.meter.split_faults(way.target("split"), weights, since=since)
        self._note_route(way)
        return self._though(way, missed)

    def _note_route(self, way: Route) -> Observation:
        route = self._opening.route_object()
        evidence = self._platform.evidence
        evidence.fact("the controller says", route_line(route, way.entrance))
        return evidence.yaml("The route", route, source=requests_for("GET", [route]))

    def _though(self, way: Route, found: list[str]) -> list[str]:
        """What was found, and what the controller says meanwhile."""
        if not found:
            return []
        return [*found, f"though {route_line(self._opening.route_object(), way.entrance)}"]


STEPS: Sequence[Step[GatewayTrial]] = (
    GatewayTrial.reach,
    GatewayTrial.split,
    GatewayTrial.changed,
    GatewayTrial.by_header,
)
"""What one gateway has to pass, in this order."""


class Gateways(Trials[GatewayTrial]):
    """The installed gateways, of which one has to pass everything."""

    def __init__(self, solutions: Solutions[Product], platform: "Platform") -> None:
        backends = Backends(platform)
        super().__init__(
            solutions,
            lambda candidate: GatewayTrial(candidate, backends),
            STEPS,
            leave=GatewayTrial.leave,
        )

    def finding(self, look: Step[GatewayTrial]) -> list[str]:
        """What is wrong with the gateway in use, where that throws none out."""
        return look(self.in_use)
