"""What the evidence shows of the devices that pods hold, see and reach for."""

from typing import Any

import pytest

from aicr_pytest.errors import ProbeFailed
from tests.unit.accelerators.test_pods import A, B, holding, sees
from tests.unit.accelerators.test_pods_told import OPENED, REFUSED, bare, neighbours
from tests.unit.kept import Kept

HOLDER, RIVAL, BOTH = (
    "What holder have of devices",
    "What p have of devices",
    "What holder and p have of devices",
)
NO_DEVICE = "open: No such device or address"


def kept_by(*pods: Any) -> Kept:
    """What these pods put into the evidence."""
    kept = Kept()
    for pod in pods:
        pod._evidence = lambda: kept
    return kept


def shown(kept: Kept, title: str) -> list[tuple[str, ...]]:
    """Who has which device, as expected and as seen."""
    return [
        (
            row["who"],
            row["device"].split("/")[2],
            row["expected"],
            row["seen"],
            row["what was seen"],
        )
        for row in kept.shown[title]
    ]


@pytest.mark.parametrize(("answer", "seen"), [(REFUSED, "denied"), (OPENED, "opened")])
def test_device_that_is_reached_for_is_shown_beside_its_holders(answer: str, seen: str) -> None:
    holder, rival = neighbours(OPENED)
    rival.pod.seen["reach 0"] = answer
    kept = kept_by(holder, rival)

    rival.foreign_devices_opened(holder)

    own, foreign = shown(kept, BOTH)
    assert own[:4] == ("holder", "nvidia0 on n0", "own", "own")
    assert foreign[:4] == ("p", "nvidia0 on n0", "denied", seen)
    assert own[4].startswith(NO_DEVICE)
    assert foreign[4].startswith(NO_DEVICE if seen == "opened" else "open: Operation not permitted")
    assert kept.sources[BOTH] == "probe in pod ns/holder; probe in pod ns/p"
    assert "Reaching for its own device in pod holder" in kept.shown
    assert "Reaching for the device of holder in pod p" in kept.shown


def test_device_that_is_seen_by_both_is_shown_as_visible() -> None:
    holder, rival = neighbours(OPENED)
    rival.pod.seen["main"] = sees(0, 1, listed=(B,))
    kept = kept_by(holder, rival)

    rival.foreign_devices_opened(holder)

    sight = ("p", "nvidia0 on n0", "denied", "visible", "it stands in /dev")
    assert shown(kept, RIVAL) == [sight]


def test_where_nobody_may_make_nodes_a_device_that_is_not_visible_is_denied() -> None:
    holder, rival = neighbours("mknod\tOperation not permitted\n")
    kept = kept_by(holder, rival)

    assert rival.foreign_devices_opened(holder) == []

    (sight,) = shown(kept, RIVAL)
    assert sight[:4] == ("p", "nvidia0 on n0", "denied", "denied")
    assert "Operation not permitted" in sight[4]
    assert kept.facts == {"mknod": "refused: Operation not permitted; what is visible decides"}


def test_holder_that_is_refused_its_own_device_is_shown_so() -> None:
    holder, rival = neighbours(REFUSED)
    kept = kept_by(holder, rival)

    with pytest.raises(ProbeFailed):
        rival.foreign_devices_opened(holder)

    (sight,) = shown(kept, HOLDER)
    assert sight[:4] == ("holder", "nvidia0 on n0", "own", "denied")


@pytest.mark.parametrize(
    ("seen", "container", "who", "sights"),
    [
        (sees(), "", "p", [("nvidia0 on n0", "none", "none")]),
        (sees(), "sibling", "p, sibling", [("nvidia0 on n0", "none", "none")]),
        (sees(0), "", "p", [("nvidia0 on n0", "none", "visible")]),
        (
            sees(1),
            "",
            "p",
            [("nvidia0 on n0", "none", "none"), ("nvidia1 on n0", "none", "visible")],
        ),
    ],
)
def test_what_is_seen_without_a_request_is_shown_beside_a_twin(
    seen: str, container: str, who: str, sights: list[tuple[str, str, str]]
) -> None:
    twin, pod = holding(sees(0, listed=(A,)), "gpu-0"), bare(seen)
    twin.pod.name = "twin"
    pod.pod.seen["sibling"] = seen
    kept = kept_by(twin, pod)
    twin.view()
    twin.look_again()

    pod.visible_devices(container, twin=twin)

    own, *others = shown(kept, f"What twin and {who} have of devices")
    assert own == ("twin", "nvidia0 on n0", "own", "own", "it stands in /dev")
    assert [one[:4] for one in others] == [(who, *sight) for sight in sights]
    assert f"What {container or 'main'} sees in pod p" in kept.shown


def test_without_a_twin_nothing_is_shown_beside() -> None:
    pod = bare(sees(0))
    kept = kept_by(pod)

    pod.visible_devices()

    assert list(kept.shown) == ["Pod p", "What main sees in pod p"]


def test_what_pods_hold_is_told_in_a_line_and_beside_one_another() -> None:
    first, second = holding(sees(0, 1, listed=(B, A)), "gpu-0"), holding(sees(), "gpu-1")
    first.pod.name = "first"
    first.pod.seen["sibling"] = sees(0, listed=(A,))
    kept = kept_by(first, second)

    assert first.tell_held() == (A, B)
    assert first.tell_held("sibling") == (A,)
    assert kept.facts == {
        "first, container main, sees on n0": f"{A}, {B}",
        "first, container sibling, sees on n0": A,
    }
    second.show_held_beside(first, [{B, A}, set()])
    title = "Devices that first and p hold at the same time"
    assert kept.shown[title] == [
        {"pod": "first", "node": "n0", "devices that it sees": f"{A}, {B}"},
        {"pod": "p", "node": "n0", "devices that it sees": "none: it was refused one"},
    ]
    assert kept.sources[title] == "nvidia-smi in each pod"


def test_chain_of_identities_tells_what_was_read() -> None:
    pod = holding(sees(0, listed=(A,)), "gpu-0")
    kept = kept_by(pod)

    assert pod.mismatches() == []
    assert pod.mismatches("main") == []

    title = "Devices as published, as allocated, and as container main of pod p sees them"
    assert kept.sources[title] == "ResourceSlices of n0; ResourceClaim ns/claim; nvidia-smi inside"
