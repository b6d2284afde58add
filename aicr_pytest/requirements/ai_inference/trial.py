"""One gateway on trial: what requests that are sent through it meet."""

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import HTTP_ROUTE, requests_for
from aicr_pytest.errors import AicrError, DoesNotApply, ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.evidence.record import Observation
from aicr_pytest.once import Once
from aicr_pytest.requirements.ai_inference import streaming, traffic_split
from aicr_pytest.requirements.ai_inference.backends import Backends
from aicr_pytest.requirements.ai_inference.gateway import GatewayAccess, Route, from_here
from aicr_pytest.requirements.ai_inference.listener import conditions, parent, route_line
from aicr_pytest.requirements.ai_inference.solutions.gateway_classes import Product
from aicr_pytest.requirements.ai_inference.streaming import Bodies, Stream
from aicr_pytest.requirements.ai_inference.traffic_split import Answer, HeaderRouting, Split
from aicr_pytest.requirements.solutions import Candidate, Solutions
from aicr_pytest.requirements.steps import Claim
from aicr_pytest.requirements.trials import Trials
from aicr_pytest.urls import in_url

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform

T = TypeVar("T")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Requests to a backend that does not exist."""

    statuses: Mapping[int, int]
    """How many were answered, by HTTP status; 0 where no answer came."""

    def because(self) -> str:
        """How many were answered as if it existed."""
        good, sent = self.statuses.get(200, 0), sum(self.statuses.values())
        return f"{good} of {sent} requests to a missing backend were answered 200"


def _with_all_backends(look: Callable[["GatewayTrial"], T]) -> Callable[["GatewayTrial"], T]:
    """A look of which nothing is judged where others have taken a backend away meanwhile."""

    @functools.wraps(look)
    def guarded(trial: "GatewayTrial") -> T:
        try:
            seen = look(trial)
        except (WaitTimeout, WaitFailed):
            trial.see_that_backends_are_ours()
            raise
        trial.see_that_backends_are_ours()
        return seen

    return guarded


class GatewayTrial:
    """Looks through one product's Gateway; each look gives what was seen.

    What goes wrong while the way is opened is raised again in every look: all need it.
    """

    def __init__(self, candidate: Candidate[Product], backends: Backends) -> None:
        self._backends = backends
        self._platform = backends.platform
        self._opening = GatewayAccess(candidate.solution, backends)
        self._open = Once(self._open_way, final=(AicrError, AssertionError))
        self._taken_down = False
        self._seen: list[Observation] = []

    @_with_all_backends
    def reach(self) -> Answer:
        """The answer to a request to the address of a Gateway of the platform's class.

        Raises:
            WaitTimeout: the Gateway is not Programmed, or its address leads to no backend.
        """
        gateway_route, evidence = self._opened(), self._platform.evidence
        evidence.fact("listener", str(gateway_route.listener))
        evidence.fact("class", gateway_route.listener.gateway_class)
        at = f"{in_url(gateway_route.address)}:{gateway_route.listener.port}"
        evidence.fact("address", at)
        evidence.fact("from where the tests run", from_here(gateway_route.target("model")))
        return gateway_route.answer

    @_with_all_backends
    def split(self) -> Split:
        """How requests are split by a route with the weights 80 and 20."""
        gateway_route = self._opened()
        return self._split(gateway_route, _AT_FIRST, since=gateway_route.since)

    @_with_all_backends
    def split_by_new_weights(self) -> Split:
        """How they are split after its weights are changed to 30 and 70."""
        gateway_route = self._opened()
        since = time.monotonic()
        self._opening.route(gateway_route.listener, "route", _LATER)
        return self._split(gateway_route, _LATER, since=since)

    @_with_all_backends
    def by_header(self) -> HeaderRouting:
        """Which backends requests reach whose header names a model, or another one, or none."""
        gateway_route = self._opened()
        kinds = self._backends.meter.by_header(
            gateway_route.target("model"), _BY_HEADER, since=gateway_route.since
        )
        return HeaderRouting(kinds=tuple(kinds), route=self._says(gateway_route))

    @_with_all_backends
    def missing_backend(self) -> Missing:
        """How requests are answered by a route that says that its backend does not exist.

        Raises:
            WaitTimeout: the route does not say so.
        """
        gateway_route, evidence = self._opened(), self._platform.evidence
        workspace = self._platform.workspaces.at()
        name = self._opening.route(gateway_route.listener, "missing")

        def resolved(route: dict[str, Any]) -> Mapping[str, object]:
            return pod_state.condition(
                {"status": parent(route, gateway_route.listener)}, "ResolvedRefs"
            )

        route = workspace.waiter.for_object(
            f"HTTPRoute {workspace.namespace}/{name}: ResolvedRefs=False, as its backend does not"
            " exist",
            HTTP_ROUTE,
            name,
            workspace.namespace,
            until=lambda route: resolved(route).get("status") == "False",
            describe=lambda route: conditions(parent(route, gateway_route.listener), 1),
            timeout=workspace.waiter.deadlines.route_reported,
        )
        request = HTTP_ROUTE.request("GET", workspace.namespace, name)
        evidence.yaml("The route", route, source=request)
        answers, execution = self._backends.client.count(gateway_route.target("missing"), _MISSING)
        evidence.execution(execution, "Answers of the backend that does not exist")
        twin, _ = self._backends.client.count(gateway_route.target("model"), 1)
        if not traffic_split.answered(twin):
            raise ProbeFailed(f"A backend that exists is not reached meanwhile: {twin[0]}")
        return Missing(statuses=Counter(answer.status for answer in answers))

    @_with_all_backends
    def stream(self) -> Stream:
        """A streamed answer as it comes through the Gateway.

        Raises:
            ProbeFailed: it does not come event by event without the Gateway either.
        """
        gateway_route, evidence = self._opened(), self._platform.evidence
        pieces, execution = self._backends.client.stream(self._backends.direct())
        evidence.execution(execution, "The stream without the Gateway")
        if blind := streaming.stream_of(pieces).because():
            raise ProbeFailed(f"Without the Gateway: {blind}.")
        pieces, execution = self._backends.client.stream(gateway_route.target("model"))
        evidence.execution(execution, "The stream through the Gateway")
        return streaming.stream_of(pieces)

    @_with_all_backends
    def bodies(self) -> Bodies:
        """Bodies of 4 MiB as they come through, there and back."""
        gateway_route = self._opened()
        seen, execution = self._backends.client.bodies(
            gateway_route.target("model"), streaming.BODY
        )
        self._platform.evidence.execution(execution, "Large bodies through the Gateway")
        return streaming.bodies_of(seen)

    def see_that_backends_are_ours(self) -> None:
        """Raise where others have taken one away."""
        self._backends.see_that_they_are_ours()

    def leave(self) -> None:
        """Take down a Gateway of our own before the next product makes one: each may cost money."""
        self._taken_down = self._opening.close()

    # -- the way -------------------------------------------------------------------------------

    def _opened(self) -> Route:
        gateway_route = self._open()
        if self._taken_down:
            raise DoesNotApply(
                "Another product was tried after this one, and its Gateway was taken down."
            )
        for observation in self._seen:
            self._platform.evidence.cite(observation)
        return gateway_route

    def _open_way(self) -> Route:
        self._backends.started()
        started = time.monotonic()
        gateway_route = self._opening.gateway_route()
        evidence = self._platform.evidence
        evidence.fact("seconds until a request arrived", f"{time.monotonic() - started:.1f}")
        self._seen = [
            *(
                evidence.yaml(obj["kind"], obj, source=requests_for("GET", [obj]))
                for obj in (gateway_route.gateway_class, gateway_route.gateway)
            ),
            self._note_route(gateway_route),
        ]
        return gateway_route

    # -- looks ---------------------------------------------------------------------------------

    def _split(self, gateway_route: Route, weights: Mapping[str, int], *, since: float) -> Split:
        answers = self._backends.meter.split(gateway_route.target("split"), weights, since=since)
        self._note_route(gateway_route)
        return traffic_split.split_of(answers, weights, self._says(gateway_route))

    def _note_route(self, gateway_route: Route) -> Observation:
        route = self._opening.route_object()
        evidence = self._platform.evidence
        evidence.fact("the controller says", route_line(route, gateway_route.listener))
        return evidence.yaml("The route", route, source=requests_for("GET", [route]))

    def _says(self, gateway_route: Route) -> str:
        """What the controller says of the route now."""
        return route_line(self._opening.route_object(), gateway_route.listener)


class Gateways(Trials[GatewayTrial]):
    """The installed gateways, of which one has to pass everything."""

    def __init__(
        self,
        solutions: Solutions[Product],
        platform: "Platform",
        steps: "Iterable[Claim[GatewayTrial]]",
    ) -> None:
        backends = Backends(platform)
        super().__init__(
            solutions,
            lambda candidate: GatewayTrial(candidate, backends),
            tuple(steps),
            leave=GatewayTrial.leave,
        )
