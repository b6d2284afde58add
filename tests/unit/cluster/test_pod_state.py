"""What a pod and its events say about its start."""

from typing import Any

import pytest

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.pod_state import Trouble


def pod(
    *, phase: str = "Pending", spec: Any = None, conditions: Any = (), init: Any = (), **mains: Any
) -> Any:
    """A pod whose containers have these statuses, by name."""
    return {
        "metadata": {"name": "p"},
        "spec": spec or {},
        "status": {
            "phase": phase,
            "conditions": list(conditions),
            "initContainerStatuses": [{"name": name, **one} for name, one in init],
            "containerStatuses": [{"name": name, **one} for name, one in mains.items()],
        },
    }


def event(reason: str, message: str = "", **more: Any) -> Any:
    return {"metadata": {}, "reason": reason, "message": message, **more}


def waiting(reason: str, message: str = "", **more: Any) -> Any:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, **more: Any) -> Any:
    return {"state": {"terminated": {"exitCode": code, **more}}}


READY = {"type": "Ready", "status": "True"}
RUNS: Any = {"state": {"running": {}}, "ready": True}
BARE: list[Any] = [{}, {"status": None, "spec": None}, {"status": {}, "spec": {}}]


@pytest.mark.parametrize("bare", BARE)
def test_pod_of_which_nothing_is_known_yet_is_pending(bare: Any) -> None:
    assert pod_state.phase(bare) == pod_state.phase_of(bare, "probe") == "Pending"
    assert pod_state.condition(bare, "Ready") == {}
    assert not pod_state.is_ready(bare, ["probe"])
    assert pod_state.node_of(bare) == pod_state.unschedulable(bare) == ""
    assert pod_state.extended_resources(bare) == set()
    assert list(pod_state.containers(bare)) == []
    assert list(pod_state.troubles(bare, [])) == []
    assert pod_state.line(bare, []) == "Pending; the scheduler has said nothing"
    assert pod_state.line(None, []) == "the pod does not exist"


def test_condition_is_found_by_its_type() -> None:
    other = {"type": "PodScheduled", "status": "True"}
    seen = {"status": {"conditions": [other, READY, {"status": "x"}]}}

    assert pod_state.condition(seen, "Ready") == READY
    assert pod_state.condition(seen, "Initialized") == {}


def test_digests_of_images_are_told_by_the_image_that_was_asked_for() -> None:
    seen = pod(a={"imageID": "sha256:1"}, b={}, sidecar={"imageID": "sha256:2"})
    seen["spec"] = {"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]}

    assert pod_state.images_of(seen) == {"x:1": "sha256:1", "": ""}
    assert pod_state.images_of({"spec": seen["spec"]}) == {}


@pytest.mark.parametrize(
    ("seen", "ours", "ready"),
    [
        (pod(phase="Running", conditions=[READY]), (), True),
        (pod(phase="Pending", conditions=[READY]), (), False),
        (pod(phase="Running", a=RUNS), ("a",), False),
        (pod(phase="Running", a=RUNS, proxy=ended(0)), ("a",), True),
        (pod(phase="Running", a=RUNS, proxy=ended(0)), (), False),
        (pod(phase="Running", a=RUNS, proxy=ended(0), other={"state": {}}), ("a",), False),
        (pod(phase="Running", a=ended(0), proxy=RUNS), ("a",), False),
        (pod(phase="Running", a=RUNS, proxy={"state": None}), ("a",), False),
        (pod(phase="Running", init=[("i", ended(0))], a=RUNS), ("a",), False),
    ],
)
def test_ready_is_what_was_sent_whatever_ended_beside_it(
    seen: Any, ours: tuple[str, ...], ready: bool
) -> None:
    assert pod_state.is_ready(seen, ours) is ready


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (pod(phase="Running", probe=ended(0), proxy=RUNS), "Succeeded"),
        (pod(phase="Running", probe=ended(1), proxy=RUNS), "Failed"),
        (pod(phase="Running", probe=RUNS, proxy=ended(1)), "Running"),
        (pod(phase="Pending", probe=ended(0)), "Pending"),
        (pod(phase="Running", probe={"state": None}), "Running"),
    ],
)
def test_phase_is_that_of_the_program(seen: Any, phase: str) -> None:
    assert pod_state.phase_of(seen, "probe") == phase


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"status": "False", "reason": "Unschedulable", "message": "0/1"}, "Unschedulable: 0/1"),
        ({"status": "False", "reason": "Unschedulable"}, "Unschedulable"),
        ({"status": "False", "message": "0/1"}, "0/1"),
        ({"status": "True", "reason": "x"}, ""),
        ({}, ""),
    ],
)
def test_scheduler_is_quoted_while_the_pod_has_no_node(condition: Any, said: str) -> None:
    scheduled = {"type": "PodScheduled", **condition}

    assert pod_state.unschedulable(pod(conditions=[scheduled])) == said
    assert pod_state.unschedulable(pod(conditions=[scheduled], spec={"nodeName": "n0"})) == ""


def test_extended_resources_are_those_with_a_domain_of_every_container() -> None:
    limits: Any = {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}}
    others: Any = {"resources": {"limits": {"rdma/hca": "1"}}}
    bare: list[Any] = [{}, {"resources": None}, {"resources": {"limits": None}}]
    spec = {"initContainers": [others, *bare], "containers": [limits, *bare]}

    assert pod_state.extended_resources({"spec": spec}) == {"nvidia.com/gpu", "rdma/hca"}


def test_events_count_as_often_as_they_were_said() -> None:
    events = [
        event("Failed"),
        event("Failed", count=3),
        event("Failed", count=None, series={"count": 5}),
        event("Failed", count=0, series=None),
        event("Other", count=100),
    ]

    assert pod_state.occurrences(events, "Failed") == 1 + 3 + 5 + 1
    assert pod_state.occurrences([], "Failed") == 0


def test_newest_event_is_the_one_that_was_said_last() -> None:
    made = event("A", "made") | {"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}}
    timed = event("A", "timed", eventTime="2026-01-01T00:00:02Z", lastTimestamp=None)
    last = event("B", "last", lastTimestamp="2026-01-01T00:00:03Z", eventTime="2026-01-01")
    series = {"lastObservedTime": "2026-01-01T00:00:04Z"}
    again = event("A", "again", lastTimestamp="2026-01-01", series=series)

    assert pod_state.newest([made, again, timed, last]) == again
    assert pod_state.newest([made, last, timed]) == last
    assert pod_state.newest([made, last, timed], "A") == timed
    assert pod_state.newest([made], "C") is None
    assert pod_state.said_at(event("A")) == ""
    assert pod_state.said_at(made) == "2026-01-01T00:00:01Z"


@pytest.mark.parametrize(
    ("events", "pulls"),
    [
        ([event("Pulling")], True),
        ([event("Pulling"), event("Pulled", "Successfully pulled")], False),
        ([event("Pulling"), event("Pulled", "image already present on machine")], True),
        ([event("Pulling"), event("Failed", "Failed to pull image x")], False),
        ([event("Pulling"), event("Failed", "Error: ErrImagePull")], True),
        ([event("Pulling", count=2), event("Failed", "Failed to pull image x")], True),
        ([event("Pulling", count=2), event("Failed", "Failed to pull image", count=2)], False),
        ([], False),
    ],
)
def test_pull_goes_on_until_it_has_ended(events: Any, pulls: bool) -> None:
    assert pod_state.is_pulling(iter(events)) is pulls


def troubles(seen: Any, *events: Any) -> list[Trouble]:
    return list(pod_state.troubles(seen, list(events)))


def trouble(reason: str, message: str, certain: bool, name: str = "", ran: bool = False) -> Trouble:
    return Trouble(reason=reason, message=message, certain=certain, container=name, ran=ran)


@pytest.mark.parametrize(
    ("reason", "certain"),
    [
        ("ErrImageNeverPull", True),
        ("InvalidImageName", True),
        ("ErrImagePull", False),
        ("ImagePullBackOff", False),
        ("ImageInspectError", False),
        ("RegistryUnavailable", False),
        ("SignatureValidationFailed", False),
    ],
)
def test_image_that_is_not_to_be_had(reason: str, certain: bool) -> None:
    (found,) = troubles(pod(a=waiting(reason, "no such tag"), b=waiting("PodInitializing")))

    assert found == trouble(reason, "no such tag", certain, "a")
    assert found.of_image
    assert str(found) == f"{reason}: no such tag"
    silent = troubles(
        pod(a=waiting(reason, image="x:1"), b={"state": {"waiting": {"reason": reason}}})
    )
    assert [one.message for one in silent] == ["image x:1", "image "]


@pytest.mark.parametrize(
    ("status", "events", "certain"),
    [
        ({}, [], False),
        ({"restartCount": 1}, [], True),
        ({}, [event("Failed", "Error: no CDI")], False),
        ({}, [event("Failed", "Error: no CDI", count=2)], True),
        ({}, [event("Failed", "Failed to pull image x", count=2)], False),
        ({}, [event("Failed", "Error: ErrImagePull", count=2)], False),
        ({}, [event("Other", "Error: no CDI", count=2)], False),
        ({}, [{"metadata": {}, "reason": "Failed", "count": 2}], True),
    ],
)
def test_container_that_cannot_start_is_certain_once_it_was_tried_twice(
    status: Any, events: Any, certain: bool
) -> None:
    seen = pod(a=waiting("CreateContainerError", "no CDI", **status))
    found = troubles(seen, *events)

    assert found == [trouble("CreateContainerError", "container a: no CDI", certain, "a")]
    assert not found[0].of_image


def test_silent_kubelet_is_told_by_its_reason_alone() -> None:
    (found,) = troubles(pod(a={"state": {"waiting": {"reason": "StartError"}}}))

    assert found.message == "container a: "
    assert str(trouble("StartError", "", True)) == "StartError"


def test_container_that_ends_again_and_again_tells_how_it_ended() -> None:
    last = {"terminated": {"exitCode": 2, "reason": "Error", "message": "no GPU"}}
    seen = pod(a=waiting("CrashLoopBackOff", "back-off", lastState=last, restartCount=1))

    said = "container a: ended with exit code 2 (Error): no GPU; back-off"
    assert troubles(seen) == [trouble("CrashLoopBackOff", said, True, "a", True)]


@pytest.mark.parametrize(
    ("reason", "count", "certain"),
    [
        ("FailedPrepareDynamicResources", 1, False),
        ("FailedPrepareDynamicResources", 2, True),
        ("FailedCreatePodSandBox", 1000, False),
        ("UnexpectedAdmissionError", 1, True),
    ],
)
def test_event_before_the_containers_holds_until_one_has_started(
    reason: str, count: int, certain: bool
) -> None:
    said = event(reason, "no driver", count=count)

    assert troubles(pod(), said) == [trouble(reason, "no driver", certain)]
    assert troubles(pod(a={"state": None}), said) != []
    assert troubles(pod(a=RUNS), said) == []
    assert troubles(pod(a={"restartCount": 1}), said) == []
    assert troubles(pod(), {"metadata": {}, "reason": reason})[0].message == ""
    assert troubles(pod(), event("Scheduled", "x")) == []


@pytest.mark.parametrize(
    ("policy", "status", "told"),
    [
        ("Never", ended(0), True),
        ("Never", ended(1), True),
        ("OnFailure", ended(0), True),
        ("OnFailure", ended(1), False),
        ("Always", ended(0), False),
        ("", ended(1), False),
        ("Never", RUNS, False),
        ("Never", {"state": None}, False),
    ],
)
def test_container_that_has_ended_is_told_unless_it_starts_again(
    policy: str, status: Any, told: bool
) -> None:
    spec = {"restartPolicy": policy} if policy else None
    found = troubles(pod(phase="Running", spec=spec, a=status))

    if not told:
        assert found == []
    else:
        code = status["state"]["terminated"]["exitCode"]
        said = f"container a ended with exit code {code}"
        assert found == [trouble("Terminated", said, True, "a", True)]


def test_init_container_is_told_only_where_it_failed() -> None:
    never = {"restartPolicy": "Never"}

    assert troubles(pod(spec=never, init=[("i", ended(0))])) == []
    (found,) = troubles(pod(spec=never, init=[("i", ended(3, reason="Error"))]))
    assert (found.reason, found.container) == ("Error", "i")


def test_whole_pod_is_told_last_where_its_containers_tell_why_and_first_where_they_do_not() -> None:
    never = {"restartPolicy": "Never"}
    failed = pod(phase="Failed", spec=never, a=ended(1))
    evicted = pod(phase="Failed", spec=never, a=ended(137))
    evicted["status"] |= {"reason": "Evicted", "message": "low on memory"}

    assert [one.reason for one in troubles(failed)] == ["Terminated", "Failed"]
    assert troubles(failed)[1] == trouble("Failed", "the pod is Failed", True)
    assert [one.reason for one in troubles(evicted)] == ["Evicted", "Terminated", "Evicted"]
    assert troubles(evicted)[0] == trouble("Evicted", "low on memory", True)
    assert troubles(pod(phase="Succeeded"))[-1].reason == "Succeeded"


def test_line_tells_where_a_pod_is_and_what_keeps_it() -> None:
    held = pod(spec={"nodeName": "n0"}, a=waiting("CreateContainerError", "no  CDI"), b=ended(1))
    warning = event("Failed", "Error:\nx", type="Warning")
    normal = event("Pulled", "y", type="Normal")

    assert pod_state.line(held, [warning, normal]) == (
        "Pending; on n0; a CreateContainerError no CDI; b terminated; event Failed: Error: x"
    )
    runs = pod(phase="Running", spec={"nodeName": "n0"}, conditions=[READY], a=RUNS)
    assert pod_state.line(runs, [warning]) == "Running; on n0"
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "R", "message": 500 * "x"}
    said = pod_state.line(pod(conditions=[unplaced], a={"state": None}), [])
    assert said == f"Pending; R: {397 * 'x'}"
    bare = {"metadata": {}, "reason": "Failed", "type": "Warning"}
    assert pod_state.line(held, [bare]).endswith("; event Failed:")
