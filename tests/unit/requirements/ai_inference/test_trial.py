"""What a gateway on trial is seen to do, and what is kept of it."""

import dataclasses
import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.errors import Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.requirements.ai_inference import trial as module
from aicr_pytest.requirements.ai_inference.backends import Backends
from aicr_pytest.requirements.ai_inference.listener import Listener
from aicr_pytest.requirements.ai_inference.streaming import Piece, stream_of
from aicr_pytest.requirements.ai_inference.traffic_split import Answer, Routed
from aicr_pytest.requirements.ai_inference.trial import Gateways, GatewayTrial
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from tests.unit.kept import Kept
from tests.unit.requirements.test_solutions import Product

FIRST, SECOND = Answer(status=200, backend="first"), Answer(status=200, backend="second")
LOST = Answer(status=503)
FINE = "HTTPRoute ns/route-x: Accepted=True"
API = {"apiVersion": "gateway.networking.k8s.io/v1"}
LISTENER = Listener(
    namespace="gw", gateway="edge", gateway_class="x", listener="http", port=80, host="ns.test"
)
CLASS = {**API, "kind": "GatewayClass", "metadata": {"name": "x"}}
GATEWAY = {**API, "kind": "Gateway", "metadata": {"name": "edge", "namespace": "gw"}}
ROUTE = "GET /apis/gateway.networking.k8s.io/v1/namespaces/ns/httproutes"
RAN = object()
"""An execution of the client."""
WHOLE = {"status": 200, "received": 4, "same": True, "detail": ""}
ONE_BY_ONE = [
    Piece(seconds=0.0, text="status 200"),
    *(Piece(seconds=0.25 * number, text="data: x") for number in range(8)),
]


def target(path: str) -> Any:
    assert path in ("model", "split", "missing")
    return SimpleNamespace(path=path, tls=True)


class Opening:
    """Access that was opened, and the route through it."""

    def __init__(self) -> None:
        self.routes: list[tuple[str, Any]] = []
        self.closed = 0

    def close(self) -> bool:
        self.closed += 1
        return True

    def gateway_route(self) -> Any:
        return SimpleNamespace(
            listener=LISTENER,
            address="192.0.2.1",
            target=target,
            answer=FIRST,
            since=5.0,
            gateway_class=CLASS,
            gateway=GATEWAY,
        )

    def route(self, listener: Any, actor: str, weights: Any = None) -> str:
        assert listener == LISTENER
        self.routes.append((actor, weights))
        return f"{actor}-x"

    def route_object(self) -> Any:
        said = {"type": "Accepted", "status": "True"}
        parent = {"parentRef": {"namespace": "gw", "name": "edge"}, "conditions": [said]}
        metadata = {"namespace": "ns", "name": "route-x", "generation": 1}
        return {**API, "kind": "HTTPRoute", "metadata": metadata, "status": {"parents": [parent]}}


class Waiter:
    """A route that has been reported, or never is."""

    deadlines = SimpleNamespace(route_reported=1.0)

    def __init__(self, resolved: str) -> None:
        self.resolved = resolved

    def for_object(
        self,
        what: str,
        kind: Kind,
        name: str,
        namespace: str,
        *,
        until: Any,
        describe: Any,
        timeout: float,
    ) -> Any:
        assert (kind.name, name, namespace, timeout) == ("HTTPRoute", "missing-x", "ns", 1.0)
        status = {"type": "ResolvedRefs", "status": self.resolved}
        parent = {"parentRef": {"namespace": "gw", "name": "edge"}, "conditions": [status]}
        route = {"metadata": {"namespace": "ns"}, "status": {"parents": [parent]}}
        if not until(route):
            raise WaitTimeout(f"{what}: not within 1 s. Last seen: {describe(route)}")
        return route


def trial(
    resolved: str = "False", *, evidence: Kept | None = None, **backends: Any
) -> GatewayTrial:
    workspace = SimpleNamespace(namespace="ns", waiter=Waiter(resolved))
    platform = SimpleNamespace(
        evidence=evidence or Kept(), workspaces=SimpleNamespace(at=lambda: workspace)
    )
    candidate: Any = SimpleNamespace(solution=SimpleNamespace(name="x"))
    stand_in: Any = SimpleNamespace(
        platform=platform,
        started=lambda: None,
        direct=lambda: SimpleNamespace(path="direct"),
        **{"see_that_they_are_ours": lambda: None, **backends},
    )
    made = GatewayTrial(candidate, stand_in)
    made._opening = Opening()  # type: ignore[assignment]
    return made


class Meter:
    """Answers that were measured, and what was asked for them."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def split(self, where: Any, weights: Any, *, since: float) -> list[Answer]:
        self.asked.append((where.path, dict(weights), since))
        return self.answers

    def by_header(self, where: Any, rules: Any, *, since: float) -> list[Routed]:
        self.asked.append((where.path, rules, since))
        return [
            Routed(carried=str(headers), wanted=wanted, answers=tuple(self.answers))
            for headers, wanted in rules
        ]


def test_first_answer_is_what_the_address_leads_to() -> None:
    assert trial().reach() == FIRST


def test_split_is_measured_from_the_moment_of_the_route() -> None:
    meter = Meter(*[FIRST] * 4, SECOND)

    split = trial(meter=meter).split()

    assert split.percent == {"first": 80.0, "second": 20.0}
    assert (split.unanswered, split.route) == (0.0, FINE)
    assert meter.asked == [("split", {"first": 80, "second": 20}, 5.0)]


def test_new_weights_are_applied_and_measured_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 7.0))
    meter = Meter(*[FIRST] * 3, *[SECOND] * 7)
    looked_at = trial(meter=meter)

    split = looked_at.split_by_new_weights()

    ((path, weights, since),) = meter.asked
    assert (path, weights) == ("split", {"first": 30, "second": 70})
    assert since == 7.0
    assert looked_at._opening.routes == [("route", weights)]  # type: ignore[attr-defined]
    assert split.percent == {"first": 30.0, "second": 70.0}
    assert split.misses == ()


def test_requests_with_three_kinds_of_headers_are_looked_at() -> None:
    meter = Meter(FIRST)

    routed = trial(meter=meter).by_header()

    ((path, rules, since),) = meter.asked
    assert (path, len(rules), since) == ("model", 3, 5.0)
    wanted = {kind.carried: kind.wanted for kind in routed.kinds}
    assert list(wanted.values()) == ["second", "first", "first"]
    assert "second-model" in next(iter(wanted)), "the first one tells whether the route works"
    assert routed.route == FINE


def client(answers: list[Answer], twin: Answer = FIRST, **more: Any) -> Any:
    def count(where: Any, requests: int) -> Any:
        assert (where.path, requests) in (("model", 1), ("missing", 20))
        return ([twin] if where.path == "model" else answers[:requests]), RAN

    return SimpleNamespace(count=count, **more)


def test_route_to_a_missing_backend_is_asked_beside_one_that_is_there() -> None:
    answers = [*[LOST] * 19, Answer(status=200)]

    missing = trial(client=client(answers)).missing_backend()

    assert missing.statuses == {503: 19, 200: 1}
    with pytest.raises(ProbeFailed, match="is not reached meanwhile: 503"):
        trial(client=client(answers, twin=LOST)).missing_backend()


def test_route_that_does_not_say_that_its_backend_is_missing_is_told() -> None:
    with pytest.raises(WaitTimeout, match=r"ResolvedRefs=False.*ResolvedRefs=True"):
        trial("True", client=client([LOST])).missing_backend()


def test_stream_is_judged_where_it_comes_event_by_event_without_the_gateway() -> None:
    def streams(direct: list[Piece], through: list[Piece]) -> Any:
        ways = {"direct": direct, "model": through}
        return SimpleNamespace(stream=lambda where: (ways[where.path], RAN))

    at_once = [dataclasses.replace(piece, seconds=2.0) for piece in ONE_BY_ONE]

    assert trial(client=streams(ONE_BY_ONE, at_once)).stream() == stream_of(at_once)
    with pytest.raises(ProbeFailed, match="Without the Gateway: 8 events were sent"):
        trial(client=streams(at_once, ONE_BY_ONE)).stream()


def test_bodies_are_what_the_client_reports() -> None:
    def reported(where: Any, size: int) -> Any:
        assert where.path == "model"
        return {"sent": size, "there": WHOLE, "back": {**WHOLE, "status": 413}}, RAN

    bodies = trial(client=SimpleNamespace(bodies=reported)).bodies()

    assert (bodies.there.sent, bodies.there.status, bodies.back.status) == (4194304, 200, 413)


def test_where_the_first_answer_came_from_is_kept_for_every_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = itertools.count(100.0, 2.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    evidence = Kept()
    looked_at = trial(evidence=evidence)

    looked_at.reach()

    assert evidence.facts == {
        "seconds until a request arrived": "2.0",
        "the controller says": FINE,
        "listener": "Gateway gw/edge (listener http)",
        "class": "x",
        "address": "192.0.2.1:80",
        "from where the tests run": "not asked, since it speaks TLS",
    }
    group = "GET /apis/gateway.networking.k8s.io/v1"
    assert evidence.sources == {
        "GatewayClass": f"{group}/gatewayclasses/x",
        "Gateway": f"{group}/namespaces/gw/gateways/edge",
        "The route": f"{ROUTE}/route-x",
    }
    assert (evidence.shown["GatewayClass"], evidence.shown["Gateway"]) == (CLASS, GATEWAY)
    assert evidence.shown["The route"] == Opening().route_object()
    looked_at.reach()
    assert evidence.cited == ["GatewayClass", "Gateway", "The route"] * 2


def test_what_each_look_has_met_is_kept() -> None:
    evidence = Kept()
    streams = SimpleNamespace(stream=lambda where: (ONE_BY_ONE, RAN))
    whole = {"sent": 4, "there": WHOLE, "back": WHOLE}

    trial(evidence=evidence, client=client([LOST] * 20)).missing_backend()
    assert evidence.shown["The route"]["status"]["parents"][0]["conditions"][0]["status"] == "False"
    assert evidence.sources["The route"] == f"{ROUTE}/missing-x"
    trial(evidence=evidence, client=streams).stream()
    bodies = SimpleNamespace(bodies=lambda where, size: (whole, RAN))
    trial(evidence=evidence, client=bodies).bodies()

    assert {title for title, kept in evidence.shown.items() if kept is RAN} == {
        "Answers of the backend that does not exist",
        "The stream without the Gateway",
        "The stream through the Gateway",
        "Large bodies through the Gateway",
    }


def test_of_several_gateways_one_has_to_pass_everything_and_the_others_are_taken_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: dict[str, Any] = {}

    class Access(Opening):
        def __init__(self, product: Any, backends: Any) -> None:
            super().__init__()
            self.fails = product.name == "deaf"
            opened[product.name] = self
            backends.started = lambda: None

        def gateway_route(self) -> Any:
            if self.fails:
                raise WaitTimeout("not Programmed")
            return super().gateway_route()

    monkeypatch.setattr(module, "GatewayAccess", Access)
    platform: Any = SimpleNamespace(evidence=Kept())
    candidates: Any = [
        Candidate(solution=Product(name), found=Found(where=name)) for name in ("deaf", "x")
    ]
    steps = [lambda one: one.reach(), lambda one: one.reach()]
    gateways = Gateways(Solutions(candidates, lambda: platform.evidence), platform, iter(steps))

    for step in steps:
        gateways.prove(step)

    assert {name: one.closed for name, one in opened.items()} == {"deaf": 1, "x": 0}
    assert gateways.in_use.reach() == FIRST


def test_where_a_backend_was_taken_away_meanwhile_nothing_is_judged() -> None:
    def taken() -> None:
        raise Inconclusive("Pod ns/first: was deleted under us")

    seen = trial(see_that_they_are_ours=taken)
    not_resolved = trial("True", see_that_they_are_ours=taken)

    for look in (seen.reach, not_resolved.missing_backend):
        with pytest.raises(Inconclusive, match="was deleted under us"):
            look()


def test_what_was_not_made_is_not_asked_for() -> None:
    def ours(name: str) -> Any:
        return SimpleNamespace(see_that_it_is_ours=lambda: asked.append(name))

    asked: list[str] = []
    backends = Backends(None)  # type: ignore[arg-type]
    backends.see_that_they_are_ours()
    vars(backends).update(_backends=(ours("first"), ours("second")), _pod=ours("client"))
    backends.see_that_they_are_ours()

    assert asked == ["first", "second", "client"]
