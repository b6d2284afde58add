"""Units that several pods have rightly, and those of which each has its own.

Right is what the field's nodes and outputs are read as; red stays what is broken beside it.
"""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import DoesNotApply, ProbeFailed
from aicr_pytest.workloads.pods_per_node import PodsPerNode
from tests.unit.accelerators.field_cases import LET_IN, pod, stock, text
from tests.unit.accelerators.objects import node
from tests.unit.accelerators.test_pods import Notes, Ran

MIG, SLICED = "05", "06"
GPU = "GPU-00000000-0000-0000-0000-000000000001"
OTHER = "GPU-00000000-0000-0000-0000-000000000009"
PARTS = [f"MIG-00000000-0000-0000-0000-00000000000{n}" for n in range(3)]


def seen_of(case: str) -> str:
    return text(case, "probe-of-both-pods.txt")


def sees(*numbers: int, listed: tuple[str, ...]) -> str:
    devices = [f"device\t/dev/nvidia{n}\t195\t{n}\topened" for n in numbers]
    tool = ["tool\t/usr/bin/nvidia-smi", "tool-exit\t0", *(f"listed\t{one}" for one in listed)]
    return "\n".join([*devices, *tool, "end"]) + "\n"


def two(*pods: Any) -> tuple[PodsPerNode, PodsPerNode]:
    first, second = (PodsPerNode(one.pod.name, [one]) for one in pods)
    return first, second


def plain(**labels: str) -> AcceleratorNode:
    """A node of two units of which its labels say this."""
    offered = node("n", allocatable={"nvidia.com/gpu": "2"})
    offered["metadata"]["labels"] = labels
    (found,) = stock(SLICED, "node.yaml", nodes=[offered])
    return found


@pytest.mark.parametrize("case", [MIG, SLICED])
def test_two_pods_on_one_device_of_the_field_do_not_accuse(case: str) -> None:
    (on,) = stock(case, "node.yaml")
    holder, neighbour = two(*(pod(on, seen_of(case), name=name) for name in ("a", "b")))

    assert (holder.devices_not_as_granted(), neighbour.devices_not_as_granted()) == ([], [])
    for look in (neighbour.devices_shared_with, neighbour.foreign_devices_opened):
        with pytest.raises(DoesNotApply, match=r"shares of devices|parts of devices"):
            look(holder)


@pytest.mark.parametrize("case", [MIG, SLICED])
def test_two_units_may_be_of_one_device(case: str) -> None:
    (on,) = stock(case, "node.yaml")

    assert pod(on, seen_of(case), count=2).mismatches() == []


@pytest.mark.parametrize("case", [MIG, SLICED])
@pytest.mark.parametrize(
    ("numbers", "listed"), [((0, 1), (GPU, OTHER)), ((0,), (GPU, OTHER)), ((0, 1), (GPU,))]
)
def test_more_devices_than_units_are_red_whatever_is_shared(
    case: str, numbers: tuple[int, ...], listed: tuple[str, ...]
) -> None:
    (on,) = stock(case, "node.yaml")

    assert pod(on, sees(*numbers, listed=listed)).mismatches()
    assert pod(on, sees(listed=())).mismatches(), "one unit is given, and no device is there"


@pytest.mark.parametrize("case", [MIG, SLICED])
def test_who_asked_for_nothing_is_red_with_a_device_that_is_shared(case: str) -> None:
    (on,) = stock(case, "node.yaml")
    holder, outsider = pod(on, seen_of(case)), pod(on, seen_of(case), count=0, name="b")

    assert outsider.visible_devices()
    assert outsider.foreign_devices_opened(holder) == [
        "n: pod ns/b sees /dev/nvidia0 of n: pod ns/p"
    ]


def test_shares_of_different_devices_are_as_far_apart_as_devices() -> None:
    (on,) = stock(SLICED, "node.yaml")
    holder = pod(on, sees(0, listed=(GPU,)), reach={"0": LET_IN})
    neighbour = pod(on, sees(1, listed=(OTHER,)), name="b", reach={"0": LET_IN})

    (opened,) = neighbour.foreign_devices_opened(holder)
    assert "can open /dev/nvidia0" in opened


@pytest.mark.parametrize("told", text("07", "ids.txt").split())
def test_ids_of_device_plugins_of_the_field_are_no_difference(told: str) -> None:
    assert pod(plain(), sees(0, listed=(GPU,)), told).mismatches() == []


@pytest.mark.parametrize(
    ("told", "listed", "is_red"),
    [
        (GPU, OTHER, True),
        (f"{GPU}::3", OTHER, True),
        (f"{GPU}-3", OTHER, True),
        (f"{GPU}-3", GPU, False),
        (PARTS[0], PARTS[1], True),
        (f"{PARTS[0]}::1", PARTS[1], True),
        (PARTS[0], PARTS[0], False),
        (PARTS[0], OTHER, False),
        ("something-else", OTHER, False),
        ("0:3", OTHER, False),
        ("0::3", OTHER, False),
    ],
)
def test_identities_of_one_form_are_compared_and_others_are_counted(
    told: str, listed: str, is_red: bool
) -> None:
    notes = Notes()
    one = pod(plain(), sees(0, listed=(listed,)), told)
    assert bool(one.mismatches()) is is_red

    many = pod(plain(), sees(0, 1, listed=(listed, GPU)), told)
    many._evidence = lambda: notes
    assert many.mismatches(), "one more than was given is red in whatever form"


def test_that_only_counts_decide_is_said() -> None:
    facts: list[tuple[str, str]] = []
    notes = Notes()
    notes.fact = lambda *told: facts.append(told)  # type: ignore[attr-defined]
    one = pod(plain(), sees(0, listed=(GPU,)), "nvidia0")
    one._evidence = lambda: notes
    one.mismatches()

    assert ("ids of different forms", f"nvidia0 and {GPU}: only their number is judged") in facts


def test_shares_of_one_device_are_one_identity_and_whole_ones_are_each_their_own() -> None:
    shares = pod(plain(), sees(0, listed=(GPU,)), f"{GPU}::1", f"{GPU}::0", count=2)
    whole = pod(plain(), sees(0, 1, listed=(GPU, OTHER)), OTHER, GPU, count=2)

    assert (shares.grant().identities, shares.grant().unit) == ((GPU,), "share")
    assert (whole.grant().identities, whole.grant().unit) == ((GPU, OTHER), "device")
    assert shares.mismatches() == whole.mismatches() == []
    assert shares.unallocated_access() == whole.unallocated_access() == []
    short = pod(plain(), sees(0, listed=(GPU,)), f"{GPU}::1", count=2)
    assert "allocatedResourcesStatus has" in short.unallocated_access()[0]


def test_parts_by_their_own_identities_are_exclusive() -> None:
    (on,) = stock(MIG, "node.yaml")
    same = two(*(pod(on, sees(0, listed=(PARTS[0],)), PARTS[0], name=name) for name in "ab"))
    apart = two(
        *(pod(on, sees(0, listed=(part,)), part, name=part[-1]) for part in PARTS[:2]),
    )

    (shared,) = same[1].devices_shared_with(same[0])
    assert PARTS[0] in shared
    assert apart[1].devices_shared_with(apart[0]) == []


@pytest.mark.parametrize(
    "labels",
    [
        {"nvidia.com/gpu.sharing-strategy": "none"},
        {"nvidia.com/gpu.replicas": "1"},
        {"nvidia.com/gpu.count": "2"},
    ],
    ids=str,
)
def test_a_device_that_two_pods_have_is_red_where_it_is_told_that_each_is_for_one(
    labels: dict[str, str],
) -> None:
    holder, neighbour = two(*(pod(plain(**labels), seen_of(SLICED), name=n) for n in "ab"))

    assert neighbour.devices_shared_with(holder)
    assert neighbour.foreign_devices_opened(holder)


def test_a_device_that_two_pods_have_is_red_where_kubelet_tells_no_share() -> None:
    seen = sees(0, listed=(GPU,))
    pods = [pod(plain(), seen, told, name=told) for told in (GPU, OTHER)]
    holder, neighbour = two(*pods)

    assert neighbour.devices_shared_with(holder)
    assert holder.devices_not_as_granted() == []
    assert neighbour.devices_not_as_granted()


def test_where_nothing_tells_whether_devices_are_shared_nobody_is_accused() -> None:
    holder, neighbour = two(*(pod(plain(), seen_of(SLICED), name=name) for name in "ab"))

    for look in (neighbour.devices_shared_with, neighbour.foreign_devices_opened):
        with pytest.raises(
            ProbeFailed, match="nothing tells whether the device plugin of n shares"
        ):
            look(holder)


@pytest.mark.parametrize("told", [f"{GPU}::1", f"{GPU}-1", "nvidia0/vgpu1", "0::1"])
def test_kubelet_tells_shares_where_no_label_does(told: str) -> None:
    holder, neighbour = two(*(pod(plain(), sees(0, listed=(GPU,)), told, name=n) for n in "ab"))

    with pytest.raises(DoesNotApply, match="shares of devices"):
        neighbour.devices_shared_with(holder)


def test_a_node_that_shares_excuses_no_other_node() -> None:
    (sliced,) = stock(SLICED, "node.yaml")
    whole = dataclasses.replace(plain(**{"nvidia.com/gpu.count": "2"}), name="m")
    notes = Notes()

    def actor(name: str) -> PodsPerNode:
        pods = [pod(on, seen_of(SLICED), name=name) for on in (sliced, whole)]
        for one in pods:
            one._evidence = lambda: notes
        return PodsPerNode(name, pods)

    (shared,) = actor("b").devices_shared_with(actor("a"))
    assert shared.startswith("m: ")
    assert [where for where, _ in notes.kept] == ["n"]
    (alone,) = actor("a").requiring_exclusive_devices().pods
    assert alone.on.name == "m"
    with pytest.raises(DoesNotApply, match=r"sharing-strategy|replicas"):
        PodsPerNode("x", [pod(sliced, "")]).requiring_exclusive_devices()


def test_a_victim_without_a_device_is_no_proof_that_it_cannot_be_reached() -> None:
    holder, neighbour = (pod(plain(), sees(listed=()), name=name) for name in "ab")

    with pytest.raises(ProbeFailed, match="nothing to reach for"):
        neighbour.foreign_devices_opened(holder)
    outsider = pod(plain(), sees(listed=()), count=0)
    assert neighbour.foreign_devices_opened(outsider) == []


@pytest.mark.parametrize(
    ("reached", "is_red"), [(LET_IN, True), ("open\tOperation not permitted\n", False)]
)
def test_a_container_without_a_request_reaches_for_the_device_of_its_pod(
    reached: str, is_red: bool
) -> None:
    holder = pod(plain(), sees(0, listed=(GPU,)), reach={"0": LET_IN})
    holder.pod.spec["containers"].append({"name": "sibling"})
    holder.pod.seen["sibling"] = sees(listed=())
    run = holder.pod.run

    def answer(*command: str, container: str = "") -> Any:
        if container == "sibling" and "aicr-reach" in command:
            return Ran(reached)
        return run(*command, container=container)

    holder.pod.run = answer
    opened = PodsPerNode("holder", [holder]).own_devices_opened_from("sibling")

    assert bool(opened) is is_red
    assert all("container sibling can open /dev/nvidia0" in one for one in opened)
    holder._views.clear()
    holder.pod.seen["sibling"] = sees(0, listed=())
    (seen,) = PodsPerNode("holder", [holder]).own_devices_opened_from("sibling")
    assert "container sibling sees /dev/nvidia0" in seen


# -- parts that are told apart ---------------------------------------------------------------------

OPENED = dict.fromkeys(("66", "67"), LET_IN)
SHUT = dict.fromkeys(("66", "67"), "open\tOperation not permitted\n")


def lists_parts(*parts: str, numbers: tuple[int, ...] = (0,), caps: tuple[int, ...] = (66,)) -> str:
    """What a container sees whose tool is asked for parts of the one device that it has."""
    devices = [f"device\t/dev/nvidia{n}\t195\t{n}\topened" for n in numbers]
    devices += [f"device\t/dev/nvidia-caps/nvidia-cap{n}\t235\t{n}\topened" for n in caps]
    listed = [f"GPU {n}: NVIDIA H100 80GB HBM3 (UUID: {GPU[:-1]}{n + 1})" for n in numbers]
    listed[1:1] = [f"  MIG 1g.10gb     Device  {n}: (UUID: {p})" for n, p in enumerate(parts)]
    tool = ["tool\t/usr/bin/nvidia-smi", "tool-exit\t0", *(f"listed\t{one}" for one in listed)]
    return "\n".join([*devices, *tool, "end"]) + "\n"


def test_the_tool_of_a_node_with_parts_is_asked_for_parts() -> None:
    (parts,), (shares,) = (stock(case, "node.yaml") for case in (MIG, SLICED))

    assert parts.profile.list_arguments == ("-L",)
    assert shares.profile.list_arguments != ("-L",)


def test_parts_of_one_device_differ_and_are_not_opened_by_others() -> None:
    (on,) = stock(MIG, "node.yaml")
    holder = pod(on, lists_parts(PARTS[0], caps=(66, 67)), name="a", reach=OPENED)
    neighbour = pod(on, lists_parts(PARTS[1], caps=(75, 76)), name="b", reach=SHUT)
    first, second = two(holder, neighbour)

    assert (first.devices_not_as_granted(), second.devices_not_as_granted()) == ([], [])
    assert second.devices_shared_with(first) == []
    assert neighbour.foreign_devices_opened(holder) == []


def test_a_part_that_two_pods_see_or_open_is_red() -> None:
    (on,) = stock(MIG, "node.yaml")
    holder = pod(on, lists_parts(PARTS[0], caps=(66,)), name="a", reach=OPENED)
    same = pod(on, lists_parts(PARTS[0], caps=(66,)), name="b", reach=OPENED)
    opener = pod(on, lists_parts(PARTS[1], caps=(75,)), name="c", reach=OPENED)
    first, second = two(holder, same)

    assert second.devices_shared_with(first) == [f"{same} and {holder} both see {PARTS[0]}"]
    assert same.foreign_devices_opened(holder) == [
        f"{same} sees /dev/nvidia-caps/nvidia-cap66 of {holder}"
    ]
    (opened,) = opener.foreign_devices_opened(holder)
    assert "can open /dev/nvidia-caps/nvidia-cap66" in opened


@pytest.mark.parametrize(
    "seen",
    [
        lists_parts(numbers=(1,)),
        lists_parts(PARTS[0], numbers=(0, 1)),
        lists_parts(PARTS[0], PARTS[1]),
    ],
)
def test_a_whole_device_or_another_part_beside_the_one_that_was_given_is_red(seen: str) -> None:
    (on,) = stock(MIG, "node.yaml")

    assert pod(on, seen).mismatches()
    assert pod(on, lists_parts(PARTS[0])).mismatches() == []


def test_who_asked_for_nothing_is_red_with_a_node_of_a_part() -> None:
    (on,) = stock(MIG, "node.yaml")
    holder, bystander = (pod(on, lists_parts(PARTS[0]), name=n) for n in ("a", "b"))
    assert holder.view()

    (said,) = bystander.visible_devices()
    assert "sees /dev/nvidia0, /dev/nvidia-caps/nvidia-cap66" in said
