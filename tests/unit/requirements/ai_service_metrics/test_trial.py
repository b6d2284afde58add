"""What is seen of a service on trial, and what the checks say of it."""

import re
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import DoesNotApply, Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.monitoring.prometheus import Reply, Series, Target
from aicr_pytest.requirements.ai_service_metrics import sample_service, user_service
from aicr_pytest.requirements.ai_service_metrics.counters import VLLM
from aicr_pytest.requirements.ai_service_metrics.observed import (
    Collected,
    Counted,
    Observed,
    Queue,
    Remaining,
)
from aicr_pytest.requirements.ai_service_metrics.sample_service import SampleTrial
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Registration
from aicr_pytest.requirements.ai_service_metrics.trial import ServiceTrial, UsersService, services
from aicr_pytest.requirements.ai_service_metrics.user_service import UserService
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from aicr_pytest.settings import Reference, Settings
from tests.conformance import test_ai_service_metrics as suite
from tests.unit.requirements.judging import judged

Lies = dict[str, float | None]
"""What series show whatever is sent; None: there is none."""
COUNT, BUCKET = f"{VLLM.histogram}_count", f"{VLLM.histogram}_bucket"
UP = Target(
    labels={"namespace": "ns", "pod": "service"},
    discovered={},
    health="up",
    error="",
    url="http://p",
)


CHECKS = {
    "counted": suite.test_every_request_is_counted_once,
    "observed": suite.test_latency_histogram_has_an_observation_per_request,
    "queue": suite.test_queue_depth_is_shown_while_requests_wait,
}
"""Which check judges what a look gives."""


class Quiet:
    """Evidence that nobody looks at."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class Service:
    """An inference service, whose requests wait while its gate is shut, and its Prometheus."""

    def __init__(self, lies: Lies | None = None, *, others: int = 0) -> None:
        self.gate = threading.Condition()
        self.open = True
        self.waiting = 0
        self.answered = others
        self.others = others
        self.lies = lies or {}
        self.targets_told: list[list[Target] | None] = [[UP]]

    # The service

    def post(self, path: str, body: Any) -> None:
        assert path == "/gate"
        with self.gate:
            self.open = body["open"]
            self.gate.notify_all()

    def complete(self) -> None:
        with self.gate:
            self.waiting += 1
            self.gate.wait_for(lambda: self.open, timeout=5)
            self.waiting -= 1
            self.answered += 1 + bool(self.others)

    def first_model(self) -> str:
        return "m"

    # Its Prometheus

    def __str__(self) -> str:
        return "Prometheus"

    def series(self) -> list[Series]:
        values: dict[str, float | None] = {
            VLLM.counter: self.answered,
            COUNT: self.answered,
            BUCKET: self.answered,
            VLLM.queue: self.waiting,
            **self.lies,
        }
        more = {BUCKET: {"le": "+Inf"}}
        return [
            Series(labels={"__name__": name, "pod": "p", **more.get(name, {})}, value=value, at=1.0)
            for name, value in values.items()
            if value is not None
        ]

    def query(self, expression: str, title: str = "") -> list[Series]:
        return self.series()

    def look(self, expression: str) -> Reply:
        with self.gate:
            return Reply(series=tuple(self.series()), text="", request="")

    def keep(self, title: str, reply: Reply) -> None: ...

    def targets(self) -> list[Target] | None:
        return self.targets_told.pop(0) if len(self.targets_told) > 1 else self.targets_told[0]


class Pod:
    namespace, name = "ns", "service"

    def __init__(self) -> None:
        self.deeds: list[str] = []

    def __str__(self) -> str:
        return "Pod ns/service"

    def object(self) -> Any:
        return {"spec": {"containers": []}, "status": {}}

    def __getattr__(self, name: str) -> Any:
        return lambda: self.deeds.append(name)


class Cluster:
    """The user's Service with one pod."""

    observer = SimpleNamespace(awaiting=lambda *_: None)

    def get(self, kind: Any, name: str, namespace: str) -> Any:
        return {"spec": {"ports": [{"port": 80}]}}

    def list(self, kind: Any, namespace: str, labels: str) -> Any:
        target = {"kind": "Pod", "name": "service"}
        endpoints = [{"addresses": ["10.0.0.1"], "targetRef": target}]
        return [{"ports": [{"port": 8000}], "endpoints": endpoints}]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls that look again at once, yet let others run."""
    sleep = time.sleep
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: sleep(0.01))


def platform(service: Service, pod: Pod | None = None, named: Reference | None = None) -> Any:
    cluster: Any = Cluster()
    quick = Deadlines(monitoring_follows=0.1, monitoring_answers=0.1, samples_follow=0.3)
    return SimpleNamespace(
        cluster=cluster,
        waiter=Waiter(cluster, deadlines=quick),
        evidence=Quiet(),
        settings=Settings(service=named),
        monitoring=SimpleNamespace(prometheus=service, prometheus_at=lambda *_: service),
        workspaces=SimpleNamespace(
            at=lambda: SimpleNamespace(namespace="ns", apply=lambda objects: objects),
            place=lambda *_, **__: pod or Pod(),
        ),
    )


def sample(
    monkeypatch: pytest.MonkeyPatch, service: Service, pod: Pod | None = None
) -> SampleTrial:
    monkeypatch.setattr(sample_service, "Completions", lambda *_, **__: service)
    collector: Any = SimpleNamespace(
        name="x", endpoint=None, register=lambda *_: Registration(objects=())
    )
    return SampleTrial(collector, platform(service, pod))


def users(monkeypatch: pytest.MonkeyPatch, service: Service) -> UserService:
    monkeypatch.setattr(user_service, "Completions", lambda *_, **__: service)
    named = Reference(namespace="ns", name="chat")
    return UserService(named, platform(service, named=named))


def test_sample_that_is_scraped_has_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample(monkeypatch, Service()).collected() == Collected(samples=4)


def test_sample_that_nobody_scrapes_is_told_and_nothing_else_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing: Lies = dict.fromkeys((VLLM.counter, COUNT, BUCKET, VLLM.queue))
    trial = sample(monkeypatch, Service(nothing))

    with pytest.raises(WaitTimeout, match=r"samples of Pod ns/service: not within[\s\S]*0 series"):
        trial.collected()
    for look in (trial.counted, trial.observed, trial.queue, trial.remaining):
        with pytest.raises(ProbeFailed, match="was never collected"):
            look()


def test_requests_to_the_sample_are_counted_observed_and_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service()
    trial = sample(monkeypatch, service)

    counted, observed, queue = trial.counted(), trial.observed(), trial.queue()

    assert service.answered == 20, "once, whatever is asked afterwards"
    assert (counted.sent, list(counted.gained.values()), counted.because()) == (20, [20], "")
    assert list(observed.counts.values()) == [20]
    assert list(observed.last_buckets.values()) == [20]
    assert (queue.held, queue.peak, queue.left, queue.because()) == (4, 4, 0, "")


@pytest.mark.parametrize(
    ("lies", "look", "words"),
    [
        ({VLLM.counter: 3.0}, "counted", '20 requests were answered, and .*pod="p"} gained 0'),
        ({COUNT: 3.0}, "observed", "_count{.* gained 0"),
        ({BUCKET: None}, "observed", f"there is no series {BUCKET}"),
        ({VLLM.queue: 0.0}, "queue", "4 requests waited, and the highest .* showed is 0"),
        ({VLLM.queue: 4.0}, "queue", "no request waits any more, and .* is still 4"),
    ],
)
def test_series_that_does_not_follow_is_seen(
    monkeypatch: pytest.MonkeyPatch, lies: Lies, look: str, words: str
) -> None:
    trial = sample(monkeypatch, Service(lies))

    seen = getattr(trial, look)()

    assert re.search(words, seen.because())
    assert judged(CHECKS[look], **{look: seen}) == seen.because()
    assert look == "queue" or "not within" in seen.because()
    for other in CHECKS.keys() - {look}:
        assert judged(CHECKS[other], **{other: getattr(trial, other)()}) == ""


def test_targets_of_the_sample_are_looked_at_until_they_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, pod = Service(), Pod()
    trial = sample(monkeypatch, service, pod)
    trial.collected()
    service.targets_told = [[UP], [UP], []]

    assert trial.remaining() == Remaining(pod="Pod ns/service", targets=(), lag="")
    assert pod.deeds == ["ready", "delete", "gone"]


@pytest.mark.parametrize(("told", "targets"), [([[UP]], ("http://p: up",)), ([[UP], None], None)])
def test_targets_that_stay_are_seen(
    monkeypatch: pytest.MonkeyPatch, told: Any, targets: tuple[str, ...] | None
) -> None:
    service = Service()
    trial = sample(monkeypatch, service)
    trial.collected()
    service.targets_told = told

    remaining = trial.remaining()

    assert remaining.targets == targets
    assert "the target of Pod ns/service to go: not within" in remaining.because()


def test_targets_that_were_never_told_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    service, pod = Service(), Pod()
    service.targets_told = [[]]

    with pytest.raises(DoesNotApply):
        sample(monkeypatch, service, pod).remaining()
    assert pod.deeds == ["ready"]


def test_users_service_gains_no_more_by_our_requests_than_we_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial = users(monkeypatch, Service(others=3))

    assert trial.collected().samples == 4
    counted, observed, queue = trial.counted(), trial.observed(), trial.queue()

    assert (counted.sent, list(counted.gained.values()), counted.because()) == (20, [20], "")
    assert list(observed.counts.values()) == list(observed.last_buckets.values()) == [20]
    assert (queue.held, queue.peak, queue.left, queue.faults) == (0, 0, 0, ())


@pytest.mark.parametrize(
    ("lies", "look", "words"),
    [
        ({VLLM.counter: 3.0}, "counted", f"{VLLM.counter}{{}} gained 0"),
        ({COUNT: 3.0}, "observed", f"{COUNT}{{}} gained 0"),
        ({BUCKET: 3.0}, "observed", f"{BUCKET}{{}} gained 0"),
        ({VLLM.queue: -1.0}, "queue", "is -1, which is no number of requests"),
    ],
)
def test_users_service_that_falls_short_is_seen(
    monkeypatch: pytest.MonkeyPatch, lies: Lies, look: str, words: str
) -> None:
    seen = getattr(users(monkeypatch, Service(lies)), look)()

    assert words in seen.because()
    assert judged(CHECKS[look], **{look: seen}) == seen.because()


def test_users_service_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DoesNotApply, match="ns/chat is the user's: it is not deleted"):
        users(monkeypatch, Service()).remaining()


def test_users_service_is_asked_itself_and_no_way_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody() -> Any:
        raise AssertionError("asked for")

    named = Reference(namespace="ns", name="chat")
    monkeypatch.setattr(user_service, "Completions", lambda *_, **__: Service())
    chosen = services(platform(Service(), named=named), nobody, ())

    assert isinstance(chosen, UsersService)
    claimed: list[ServiceTrial] = []
    chosen.prove(claimed.append)
    assert claimed == [chosen.in_use]
    assert chosen.in_use.collected().samples == 4
    with pytest.raises(DoesNotApply, match="ns/chat is the user's"):
        chosen.in_use.remaining()


def test_where_the_user_names_none_the_first_way_by_which_the_sample_passes_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service()
    monkeypatch.setattr(sample_service, "Completions", lambda *_, **__: service)
    registered: list[str] = []

    def collector(name: str) -> Any:
        def register(*_: object) -> Registration:
            registered.append(name)
            if name == "silent":
                raise WaitTimeout("nobody collects")
            return Registration(objects=())

        return SimpleNamespace(name=name, endpoint=None, register=register, verified_in_lab=True)

    found = [
        Candidate(solution=collector(name), found=Found(where=name)) for name in ("silent", "x")
    ]
    evidence: Any = Quiet()
    steps = [lambda trial: trial.collected(), lambda trial: trial.counted()]
    chosen = services(platform(service), lambda: Solutions(found, lambda: evidence), iter(steps))

    for step in steps:
        chosen.prove(step)
    assert registered == ["silent", "x"]
    assert chosen.in_use.counted().because() == ""
    assert service.answered == 20


def test_users_service_without_a_ready_pod_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cluster, "list", lambda *_, **__: [])

    with pytest.raises(Inconclusive, match="no pod behind it is ready"):
        users(monkeypatch, Service()).collected()


# -- what the checks say ---------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "fine"), [(1, True), (0, False)])
def test_service_has_to_have_samples(samples: int, fine: bool) -> None:
    check = suite.test_workload_that_nobody_knew_is_discovered_and_collected
    assert (judged(check, collected=Collected(samples=samples)) == "") is fine


@pytest.mark.parametrize(
    ("gained", "fine"),
    [
        ((20,), True),
        ((20, 20), True),
        ((20, 40), False),
        ((19,), False),
        ((21,), False),
        ((), False),
    ],
)
def test_every_series_has_to_gain_what_was_sent(gained: tuple[float, ...], fine: bool) -> None:
    values = {str(number): gain for number, gain in enumerate(gained)}
    counted = Counted(sent=20, gained=values, faults=("wrong",), lag="late")

    said = judged(suite.test_every_request_is_counted_once, counted=counted)

    assert said == ("" if fine else "wrong\nlate")
    for counts, buckets in ((values, {"a": 20.0}), ({"a": 20.0}, values)):
        observed = Observed(
            sent=20, counts=counts, last_buckets=buckets, faults=("wrong",), lag="late"
        )
        check = suite.test_latency_histogram_has_an_observation_per_request
        assert judged(check, observed=observed) == ("" if fine else "wrong\nlate")


@pytest.mark.parametrize(
    ("peak", "left", "faults", "words"),
    [
        (4, 0, (), ""),
        (3, 0, (), "4 requests waited, and the highest q that P showed is 3"),
        (5, 0, (), "4 requests waited, and the highest q that P showed is 5"),
        (4, 1, (), "no request waits any more, and q is still 1"),
        (4, 0, ("no gauge",), "no gauge"),
        (4, 0, ("no gauge", "nor another"), "no gauge\nnor another"),
    ],
)
def test_queue_has_to_show_what_waits(
    peak: float, left: float, faults: tuple[str, ...], words: str
) -> None:
    queue = Queue(name="q", prometheus="P", held=4, peak=peak, left=left, faults=faults)

    assert judged(suite.test_queue_depth_is_shown_while_requests_wait, queue=queue) == words


@pytest.mark.parametrize(
    ("faults", "lag", "words"),
    [
        ((), "", ""),
        ((), "late", ""),
        (("a", "b"), "", "a\nb"),
        (("a", "b"), "late", "a\nb\nlate"),
    ],
)
def test_lag_is_told_of_what_falls_short_alone(
    faults: tuple[str, ...], lag: str, words: str
) -> None:
    assert Counted(sent=1, gained={}, faults=faults, lag=lag).because() == words


@pytest.mark.parametrize("targets", [("http://p: up",), None])
def test_no_target_must_stay(targets: tuple[str, ...] | None) -> None:
    check = suite.test_target_goes_with_its_workload
    gone = Remaining(pod="Pod a", targets=(), lag="")
    stays = Remaining(pod="Pod a", targets=targets, lag="late")

    assert judged(check, remaining=gone) == ""
    assert judged(check, remaining=stays) == "Pod a is gone, and its target stays: late"
