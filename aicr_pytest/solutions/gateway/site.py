"""What the checks of ``ai_inference`` look at: a Gateway, two backends, routes, a client."""

import functools
import time
from collections.abc import Mapping
from typing import Any

from aicr_pytest.cluster.kinds import HTTP_ROUTE
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import AicrError, ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.evidence.record import Observation
from aicr_pytest.settings import Settings
from aicr_pytest.solutions.frame import Solutions
from aicr_pytest.solutions.gateway import split, streaming
from aicr_pytest.solutions.gateway.client import Client, Target
from aicr_pytest.solutions.gateway.entrance import (
    condition,
    conditions,
    parent,
    route_line,
)
from aicr_pytest.solutions.gateway.measuring import Meter
from aicr_pytest.solutions.gateway.opening import ROUTE, Opening, Way, from_here
from aicr_pytest.solutions.gateway.products import Product
from aicr_pytest.solutions.gateway.split import Answer
from aicr_pytest.workspaces import Workspaces

MODEL_HEADER = "x-gateway-model-name"
"""The header in which gateways for inference carry the ``model`` of an OpenAI request."""
_BY_HEADER: tuple[tuple[dict[str, str], str], ...] = (
    ({MODEL_HEADER: "second-model"}, "second"),
    ({}, "first"),
    ({MODEL_HEADER: "another-model"}, "first"),
)
"""Headers of a request, and the backend that its rule names."""
_EACH = 100
"""Requests per kind of header; every one of them has to be right."""
_MISSING = 20
"""Requests to a backend that does not exist."""


class GatewaySite:
    """A Gateway with two backends behind it; everything is made when it is first needed.

    What goes wrong while the way is opened is raised again in every check: all need it.
    """

    def __init__(
        self, solutions: Solutions[Product], workspaces: Workspaces, settings: Settings
    ) -> None:
        self._solutions = solutions
        self._workspaces = workspaces
        self._settings = settings
        self._trouble: AicrError | AssertionError | None = None
        self._way: Way | None = None
        self._seen: list[Observation] = []
        self._weights: Mapping[str, int] = {"first": 80, "second": 20}

    def first_answer(self) -> Answer:
        """The first answer of a backend through the Gateway."""
        way = self._opened()
        evidence = self._workspaces.evidence
        evidence.fact("entrance", str(way.entrance))
        evidence.fact("class", way.entrance.gateway_class)
        evidence.fact("address", f"{way.address}:{way.entrance.port}")
        evidence.fact("from where the tests run", from_here(way))
        return way.answer

    def split_faults(self, **weights: int) -> list[str]:
        """In what the answers of many requests are not the split by these weights, as sentences.

        The route gets the weights; once a few requests look like it, or the deadline is over, the
        split is measured, and measured again before a miss counts.
        """
        way = self._opened()
        if weights != self._weights:
            self._opening.route(way.entrance, ROUTE, weights)
            self._weights = weights
        missed = self._meter.split_faults(way.target("split"), weights)
        self._note_route(way, ROUTE)
        return self._though(way, missed)

    def header_faults(self) -> list[str]:
        """Requests that did not reach the backend that their headers name, as sentences."""
        way = self._opened()
        self._meter.until_or_late(
            f"HTTPRoute {self._workspace.namespace}/{ROUTE}: the header is looked at",
            lambda: self._client.count(way.target("model"), 10, _BY_HEADER[0][0])[0],
            lambda answers: {answer.backend for answer in answers} == {_BY_HEADER[0][1]},
        )
        found, rows = [], []
        for headers, backend in _BY_HEADER:
            answers, execution = self._client.count(way.target("model"), _EACH, headers)
            wrong = [one for one in answers if (one.status, one.backend) != (200, backend)]
            carried = ", ".join(f"{key}: {value}" for key, value in headers.items()) or "no header"
            self._workspaces.evidence.execution(execution, f"Answers to requests with {carried}")
            rows.append((carried, backend, split.summary(answers)))
            if wrong or len(answers) < _EACH:
                found.append(
                    f"{_EACH} requests with {carried} were for {backend}; answers:"
                    f" {split.summary(answers)}"
                )
        self._workspaces.evidence.table(
            "Routing by header",
            ("request carries", "backend of the rule", "answers"),
            rows,
            source=f"{_EACH} requests each to {way.target('model')}",
        )
        return self._though(way, found)

    def missing_backend_faults(self) -> list[str]:
        """Requests to a backend that does not exist and were answered 200, as sentences.

        Raises:
            WaitTimeout: the route is not reported as what it is.
        """
        way = self._opened()
        self._opening.route(way.entrance, "missing")
        waiter, namespace = self._workspace.waiter, self._workspace.namespace

        def resolved(route: dict[str, Any]) -> Mapping[str, object]:
            return condition(parent(route, way.entrance), "ResolvedRefs")

        route = waiter.for_object(
            f"HTTPRoute {namespace}/missing: ResolvedRefs=False, as its backend does not exist",
            HTTP_ROUTE,
            "missing",
            namespace,
            until=lambda route: resolved(route).get("status") == "False",
            describe=lambda route: conditions(parent(route, way.entrance), 1),
            timeout=waiter.deadlines.route_reported,
        )
        self._workspaces.evidence.yaml("The route", route, source="get HTTPRoute missing")
        answers, execution = self._client.count(way.target("missing"), _MISSING)
        self._workspaces.evidence.execution(execution, "Answers of the backend that does not exist")
        twin, _ = self._client.count(way.target("model"), 1)
        if not split.answered(twin):
            raise ProbeFailed(f"A backend that exists is not reached meanwhile: {twin[0]}")
        good = [answer for answer in answers if answer.status == 200]
        if not good:
            return []
        return [f"{len(good)} of {_MISSING} requests to a missing backend were answered 200"]

    def stream_faults(self) -> list[str]:
        """In what a streamed answer did not come event by event, as sentences.

        Raises:
            ProbeFailed: it does not do so without the Gateway either.
        """
        way = self._opened()
        pieces, execution = self._client.stream(self._direct())
        self._workspaces.evidence.execution(execution, "The stream without the Gateway")
        if blind := streaming.held_back(pieces):
            raise ProbeFailed(f"Without the Gateway: {'; '.join(blind)}.")
        pieces, execution = self._client.stream(way.target("model"))
        self._workspaces.evidence.execution(execution, "The stream through the Gateway")
        return streaming.held_back(pieces)

    def body_faults(self) -> list[str]:
        """In what a body of some megabytes did not come through, there and back, as sentences."""
        way = self._opened()
        seen, execution = self._client.bodies(way.target("model"), streaming.BODY)
        self._workspaces.evidence.execution(execution, "Large bodies through the Gateway")
        return streaming.mutilated(seen)

    # -- the way -------------------------------------------------------------------------------

    @functools.cached_property
    def _workspace(self) -> Workspace:
        return self._workspaces.at()

    @functools.cached_property
    def _backends(self) -> tuple[Pod, ...]:
        place = functools.partial(self._workspaces.place, "ai_inference/backend", image="service")
        return tuple(place(name=name) for name in ("first", "second"))

    @functools.cached_property
    def _client(self) -> Client:
        return Client(self._workspaces.place("ai_inference/client", image="service"))

    @functools.cached_property
    def _meter(self) -> Meter:
        return Meter(self._client, self._workspace.waiter, lambda: self._workspaces.evidence)

    @functools.cached_property
    def _opening(self) -> Opening:
        return Opening(self._workspaces, self._settings, self._client)

    def _opened(self) -> Way:
        if self._trouble is not None:
            raise self._trouble
        if self._way is None:
            try:
                self._way = self._open()
            except (AicrError, AssertionError) as error:
                self._trouble = error
                raise
        for observation in self._seen:
            self._workspaces.evidence.cite(observation)
        return self._way

    def _open(self) -> Way:
        backends, client = self._backends, self._client
        for pod in (*backends, client.pod):
            _started(pod)
        started = time.monotonic()
        _, way = self._solutions.try_in_order(self._opening.through)
        evidence = self._workspaces.evidence
        evidence.fact("seconds until a request arrived", f"{time.monotonic() - started:.1f}")
        self._seen = [
            evidence.yaml("GatewayClass", way.gateway_class, source="get GatewayClass"),
            evidence.yaml("Gateway", way.gateway, source="get Gateway"),
            self._note_route(way, ROUTE),
        ]
        return way

    # -- looks ---------------------------------------------------------------------------------

    def _direct(self) -> Target:
        """The first backend without the Gateway."""
        at = self._backends[0].object()["status"]["podIP"]
        return Target(address=at, port=8080, host=at, path="")

    def _note_route(self, way: Way, actor: str) -> Observation:
        route = self._opening.route_object(actor)
        evidence = self._workspaces.evidence
        evidence.fact("the controller says", route_line(route, way.entrance))
        return evidence.yaml("The route", route, source=f"get HTTPRoute {actor}")

    def _though(self, way: Way, found: list[str]) -> list[str]:
        """What was found, and what the controller says meanwhile."""
        if not found:
            return []
        return [*found, f"though {route_line(self._opening.route_object(ROUTE), way.entrance)}"]


def _started(pod: Pod) -> None:
    """Wait for a pod of ours; one that does not start says nothing about gateways.

    Raises:
        ProbeFailed: it does not start.
    """
    try:
        pod.ready()
    except (WaitTimeout, WaitFailed) as error:
        raise ProbeFailed(str(error)) from error
