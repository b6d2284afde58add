"""What pods with and without devices say of themselves: sights, grants, reach and refusals."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.probe import DeviceNode
from aicr_pytest.cluster import admission
from aicr_pytest.errors import PolicyRefused, ProbeFailed
from tests.unit.accelerators.objects import claim
from tests.unit.accelerators.test_pods import A, B, Silence, StandIn, holding, sees, stock

REFUSED, OPENED = "open\tOperation not permitted\n", "open\tNo such device or address\n"
DEVICE = "device\t/dev/{0}\t{1}\t{2}\tNo such device or address\n"


def bare(seen: str, *, mechanism: str = "dra", status: Any = None, **main: Any) -> Any:
    """A pod of one container that says only this of itself."""
    return AcceleratorPod(
        StandIn(  # type: ignore[arg-type]  # a stand-in
            seen={"main": seen},
            spec={"containers": [{"name": "main", **main}]},
            status={} if status is None else status,
        ),
        stock(mechanism=mechanism),
        claims=lambda _: {},
        evidence=lambda: Silence(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )


def by_plugin(count: int, *told: str, seen: str = "") -> Any:
    """A pod whose limits ask a device plugin; kubelet tells identities where any are given."""
    units = [{"resourceID": one} for one in told]
    others = [{"name": "cpu", "resources": [{"resourceID": "0"}]}]
    mine = [*others, {"name": "nvidia.com/gpu", "resources": units}] if told else others
    statuses = [
        {"name": "proxy", "allocatedResourcesStatus": mine},
        {"name": "main", "allocatedResourcesStatus": mine},
    ]
    return bare(
        seen,
        mechanism="device-plugin",
        status={"containerStatuses": statuses if told else [{"name": "main"}]},
        resources={"limits": {"nvidia.com/gpu": str(count)}},
    )


# What is seen by who asked for nothing


def test_pod_that_sees_nothing_has_nothing_to_say() -> None:
    assert bare(sees()).visible_devices() == []


def test_devices_that_are_seen_are_all_named_with_what_hides_them() -> None:
    pod = bare(sees(0, 1))
    sight = "n0: pod ns/p, container main asked for nothing and sees /dev/nvidia0, /dev/nvidia1"
    remedy = pod.on.profile.environment_remedy

    assert pod.visible_devices() == [f"{sight}\n  Where the runtime honours variables: {remedy}"]
    silent = dataclasses.replace(pod.on.profile, environment_remedy="")
    pod.on = dataclasses.replace(pod.on, profile=silent)
    assert pod.visible_devices() == [sight]


def test_devices_are_looked_for_in_the_container_that_is_named() -> None:
    pod = bare(sees())
    pod.pod.seen["sibling"] = sees(1)

    (sight,) = pod.visible_devices("sibling")

    assert "container sibling asked for nothing and sees /dev/nvidia1" in sight


def test_device_under_another_name_is_seen_by_its_major_that_is_known() -> None:
    pod = bare(DEVICE.format("odd", 240, 0) + "end\n")

    assert pod.visible_devices() == []
    (sight,) = pod.visible_devices(known_majors=frozenset({240}))
    assert "sees /dev/odd" in sight
    assert [one.path for one in pod.view(known_majors=frozenset({240})).reachable] == ["/dev/odd"]


def test_who_looks_twice_sees_what_was_seen_at_first_and_who_looks_again_what_is_there() -> None:
    pod = bare(sees(0))
    first = pod.view()
    pod.pod.seen["main"] = sees()

    assert pod.view() is first
    assert pod.look_again().reachable == ()
    assert pod.view("main") is first


# What was granted


def test_claim_that_was_made_of_a_template_is_found_by_its_name_in_the_status() -> None:
    pod = holding(sees(0, listed=(A,)))
    made = {"p-c-x7": claim("p-c-x7", ("n0", "gpu-0"))}
    pod.pod.spec["resourceClaims"] = [{"name": "c", "resourceClaimTemplateName": "t"}]
    pod.pod.status["resourceClaimStatuses"] = [
        {"name": "other"},
        {"name": "c", "resourceClaimName": "p-c-x7"},
    ]
    pod._claim = made.__getitem__

    assert pod.grant().by == "ResourceClaim ns/p-c-x7"
    assert pod.grant().identities == (A,)


def test_request_of_a_claim_gives_its_own_devices_and_those_of_its_alternatives() -> None:
    pod = holding(sees())
    held = claim("claim", ("n0", "gpu-0"), ("n0", "gpu-1"), ("n0", "gpu-2"))
    results = held["status"]["allocation"]["devices"]["results"]
    for result, request in zip(results, ("mine/small", "other", "mine"), strict=True):
        result["request"] = request
    pod._claim = lambda _: held
    (main,) = pod.pod.spec["containers"]
    main["resources"]["claims"] = [{"name": "c", "request": "mine"}]

    assert pod.grant().identities == (A, "unpublished gpu-2")
    assert pod.grant().count == 2
    assert [one.name for one in pod.grant().devices] == ["gpu-0"]
    main["resources"]["claims"] = [{"name": "c"}]
    assert pod.grant().count == 3


def test_claims_of_a_container_add_up_and_are_all_named() -> None:
    pod = holding(sees())
    pod.pod.spec["resourceClaims"] = [
        {"name": "none"},
        {"name": "c", "resourceClaimName": "first"},
        {"name": "d", "resourceClaimName": "second"},
    ]
    (main,) = pod.pod.spec["containers"]
    main["resources"]["claims"] = [{"name": "none"}, {"name": "c"}, {"name": "d"}]
    given = {"first": ("n0", "gpu-1"), "second": ("n0", "gpu-0")}
    pod._claim = lambda name: claim(name, given[name])

    grant = pod.grant()

    assert grant.identities == (A, B)
    assert grant.by == "ResourceClaim ns/first, ResourceClaim ns/second"
    assert [one.name for one in grant.devices] == ["gpu-1", "gpu-0"]


def test_claim_of_an_extended_resource_is_that_of_its_container() -> None:
    status = {
        "extendedResourceClaimStatus": {
            "resourceClaimName": "made",
            "requestMappings": [
                {"containerName": "proxy", "requestName": "q"},
                {"containerName": "main", "requestName": "r"},
            ],
        }
    }
    pod = bare("", status=status)
    held = claim("made", ("n0", "gpu-0"), ("n0", "gpu-1"))
    held["status"]["allocation"]["devices"]["results"][0]["request"] = "q"
    pod._claim = lambda _: held

    assert pod.grant().identities == (B,)
    assert pod.grant().by == "ResourceClaim ns/made"


@pytest.mark.parametrize(
    ("told", "identities", "by"),
    [
        ((), None, "limits nvidia.com/gpu of pod ns/p"),
        ((B, A), (A, B), "limits nvidia.com/gpu of pod ns/p and its allocatedResourcesStatus"),
    ],
)
def test_device_plugin_tells_a_count_and_kubelet_may_tell_identities(
    told: tuple[str, ...], identities: tuple[str, ...] | None, by: str
) -> None:
    grant = by_plugin(2, *told).grant()

    assert (grant.count, grant.identities, grant.by, grant.devices) == (2, identities, by, ())


def test_container_without_limits_was_given_nothing() -> None:
    for pod in (bare(""), bare("", resources={}), bare("", resources={"limits": {}})):
        assert (pod.grant().count, pod.grant().identities) == (0, None)


def test_published_device_is_known_by_its_pool_too() -> None:
    pod = holding(sees(), "gpu-0")
    pod._claim = lambda _: claim("claim", ("n1", "gpu-0"))

    assert pod.grant().identities == ("unpublished gpu-0",)


# What is seen beside what was granted


def test_where_only_a_count_is_told_the_tool_has_to_list_as_many() -> None:
    assert by_plugin(1, seen=sees(0, listed=(A,))).mismatches() == []
    assert by_plugin(1, seen=sees(0, listed=(A, B))).mismatches() == [
        "n0: pod ns/p, container main was given 1, but /usr/bin/nvidia-smi lists 2"
    ]


def test_difference_names_the_pod_what_it_was_given_and_what_is_there() -> None:
    pod = holding(sees(1, 0, listed=(B,)), "gpu-0")
    where = f"n0: pod ns/p, container main was given 1 ({A}), but"

    assert pod.mismatches() == [
        f"{where} its device nodes are: /dev/nvidia0, /dev/nvidia1",
        f"{where} /usr/bin/nvidia-smi lists: {B}",
    ]


def test_identities_are_the_same_in_whatever_order_they_are_listed() -> None:
    assert holding(sees(0, 1, listed=(B, A)), "gpu-0", "gpu-1").mismatches() == []


def test_who_was_given_nothing_and_sees_nothing_needs_no_tool() -> None:
    assert bare(sees()).mismatches() == []


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (sees(0), "nvidia-smi is not in the container."),
        (sees(0, listed=(), tool_exit=9), "/usr/bin/nvidia-smi exits with 9: no output"),
        (
            sees(0, listed=(), tool_exit=9).replace("end", f"screen\tx{'y' * 200}\nend"),
            f"/usr/bin/nvidia-smi exits with 9: {'y' * 200}",
        ),
    ],
)
def test_tool_that_tells_nothing_says_why(seen: str, why: str) -> None:
    pod = holding(seen, "gpu-0")

    with pytest.raises(ProbeFailed) as caught:
        pod.mismatches()
    assert str(caught.value) == (
        f"n0: pod ns/p, container main was given 1 ({A}), and 1 device nodes are there, but which "
        f"devices they are cannot be read: {why}\n"
        "  The platform usually mounts nvidia-smi with the device."
    )
    with pytest.raises(ProbeFailed) as caught:
        pod.held()
    assert str(caught.value) == f"n0: pod ns/p: which devices it sees cannot be read: {why}"


def test_devices_that_are_held_are_told_in_order_and_of_the_container_that_is_named() -> None:
    pod = holding(sees(0, 1, listed=(B, A)), "gpu-0")
    pod.pod.seen["sibling"] = sees(0, listed=(A,))

    assert pod.held() == (A, B)
    assert pod.held("sibling") == (A,)


def test_table_of_identities_says_what_is_listed_of_what_was_allocated() -> None:
    pod = holding(sees(0, 1, listed=(B, "GPU-x")), "gpu-1", "gpu-0")
    tables: list[Any] = []
    kept = Silence()
    kept.table = lambda *args, **_: tables.append(args)  # type: ignore[attr-defined]
    pod._evidence = lambda: kept
    pod.mismatches()

    ((title, columns, rows),) = tables
    by = "ResourceClaim ns/claim"
    assert title == "Devices as published, as allocated, and as container main of pod p sees them"
    assert columns[2] == "identity in slice"
    assert rows == [
        ("n0-gpu.nvidia.com-1", "gpu-0", A, by, "gpu-0", "not listed"),
        ("n0-gpu.nvidia.com-1", "gpu-1", B, by, "gpu-1", B),
        ("", "", "", by, "", "GPU-x"),
    ]


def test_what_is_seen_without_a_grant_is_by_nobody() -> None:
    pod = bare(sees(0, listed=("GPU-x",)))
    tables: list[Any] = []
    kept = Silence()
    kept.table = lambda *args, **_: tables.append(args)  # type: ignore[attr-defined]
    pod._evidence = lambda: kept
    pod.mismatches()

    assert tables[0][2] == [("", "", "", "", "", "GPU-x")]


# Reaching for the devices of another


def neighbours(victims: str) -> tuple[Any, Any]:
    """A holder of a device that is opened so by its own node, and its rival."""
    holder, rival = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees(1, listed=(B,)), "gpu-1")
    holder.pod.name = "holder"
    holder.pod.seen["reach 0"] = victims
    return holder, rival


def test_rival_that_reaches_a_device_is_named_with_the_device_and_its_holder() -> None:
    holder, rival = neighbours(OPENED)
    rival.pod.seen["reach 0"] = OPENED

    (opened,) = rival.foreign_devices_opened(holder)
    assert opened == (
        "n0: pod ns/p can open /dev/nvidia0 of n0: pod ns/holder by mknod 240:0 "
        "(open: No such device or address)"
    )


def test_device_that_is_seen_by_both_needs_no_reaching_and_hides_no_other() -> None:
    holder, rival = neighbours(OPENED)
    holder.pod.seen["main"] = sees(0, 2, 3, listed=(A,))
    rival.pod.seen["main"] = sees(0, 1, listed=(B,))
    holder.pod.seen |= {"reach 2": "mknod\tOperation not permitted\n", "reach 3": OPENED}
    rival.pod.seen["reach 3"] = OPENED

    seen, opened = rival.foreign_devices_opened(holder)

    assert seen == "n0: pod ns/p sees /dev/nvidia0 of n0: pod ns/holder"
    assert "can open /dev/nvidia3" in opened


def test_device_of_the_same_minor_and_another_major_is_another_device() -> None:
    holder, rival = neighbours(OPENED)
    rival.pod.seen["main"] = DEVICE.format("nvidia0", 241, 0) + "end\n"
    rival.pod.seen["reach 0"] = REFUSED

    assert rival.foreign_devices_opened(holder) == []
    rival.pod.seen["main"] = DEVICE.format("odd", 240, 0) + "end\n"
    rival._views.clear()
    assert rival.foreign_devices_opened(holder) == [
        "n0: pod ns/p sees /dev/nvidia0 of n0: pod ns/holder"
    ]


def test_holder_that_cannot_open_its_own_device_so_is_quoted() -> None:
    holder, rival = neighbours(REFUSED)

    with pytest.raises(ProbeFailed) as caught:
        rival.foreign_devices_opened(holder)
    assert str(caught.value) == (
        "n0: pod ns/holder cannot open its own /dev/nvidia0 by a node made with mknod (Operation "
        "not permitted), so that a refusal elsewhere proves nothing."
    )


def test_reach_is_tried_in_the_container_that_was_sent() -> None:
    pod = bare("")
    answers = {"main": SimpleNamespace(stdout=OPENED)}
    pod.pod.run = lambda *_, container: answers[container]

    attempt = pod.reach(DeviceNode(path="/dev/x", major=1, minor=2, result="-"), "x")

    assert attempt.reached


# As it was sent


def test_what_was_changed_is_noted_and_what_is_judged_of_it_refuses_with_a_way_out() -> None:
    pod = bare(sees())
    facts: dict[str, str] = {}
    kept = Silence()
    kept.fact = facts.__setitem__  # type: ignore[attr-defined]
    pod._evidence = lambda: kept
    decisive = admission.Change(field="runtimeClassName", made='"x"', manager="m")
    pod.pod.changed = (admission.Change(field="containers[proxy]", made="there"), decisive)

    with pytest.raises(PolicyRefused) as caught:
        pod.see_that_it_is_as_sent()

    told = "; ".join(map(str, pod.pod.changed))
    assert facts == {"pod p was changed on admission": told}
    assert str(caught.value) == (
        f"n0: pod ns/p is not as it was sent: {decisive}\n  Exempt namespaces aicr-* from who"
        " changes pods; see the webhooks and policies of admissionregistration.k8s.io."
    )


def test_first_container_is_the_one_that_was_sent_or_else_the_first_that_runs() -> None:
    pod = bare(sees())
    assert pod.first_container() == "main"

    class Nameless(StandIn):
        container = ""

    pod = bare(sees())
    pod.pod = Nameless(seen={}, spec={"containers": [{"name": "a"}, {"name": "b"}]}, status={})
    pod._ready = lambda: None
    assert pod.first_container() == "a"


def test_container_that_is_gone_was_taken_by_somebody() -> None:
    with pytest.raises(PolicyRefused) as caught:
        bare(sees()).grant("gone")
    assert str(caught.value) == "n0: pod ns/p has no container gone any more."
