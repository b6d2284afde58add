"""Who asked for nothing reaches for every device that others hold on its node."""

from typing import Any

import pytest

from aicr_pytest.errors import NoCapacity, ProbeFailed
from aicr_pytest.workloads.pods_per_node import Control, PodsPerNode
from tests.unit.accelerators.test_each_device import FIRST, SECOND, by_claims
from tests.unit.accelerators.test_pods import A, Ran, holding, sees
from tests.unit.accelerators.test_pods_told import OPENED, REFUSED, bare
from tests.unit.requirements.kept import Kept

REFUSED_MKNOD = "mknod\tOperation not permitted\n"


def cast(*answers: str, own: str = OPENED) -> tuple[Any, Any, Control]:
    """An outsider that is answered so, in the order of devices; pods that hold two; the control."""
    outsider, holder = bare(sees()), holding(FIRST, "gpu-0")
    outsider.pod.spec["containers"][0]["resources"] = {}
    holder.pod.name = "holder"
    holder.pod.seen["reach 0"] = own
    outsider.pod.run = lambda *command, container: reached(command, answers)
    rest = by_claims(sees(3, listed=(A,)), SECOND)
    holders = PodsPerNode("holder", [holder]).joined_by(rest)
    control = Control(majors=frozenset({240}), twins={holder.on.offer: holder})
    return PodsPerNode("outsider", [outsider]), holders, control


def reached(command: tuple[str, ...], answers: tuple[str, ...]) -> Ran:
    assert command[4:] == ("240", "0", "240", "3", "240", "1"), "each device once"
    return Ran("".join(answers))


def test_every_device_of_the_node_is_reached_for_at_once() -> None:
    outsider, holders, control = cast(REFUSED, REFUSED, REFUSED)

    assert outsider.devices_opened(holders, control) == []


def test_the_one_device_that_opens_is_named_with_who_holds_it() -> None:
    outsider, holders, control = cast(REFUSED, REFUSED, OPENED)
    notes = Kept()
    outsider.pods[0]._evidence = lambda: notes

    (told,) = outsider.devices_opened(holders, control)
    assert told == (
        "n0: pod ns/p asked for nothing and can open /dev/nvidia1 of n0: pod ns/p by mknod 240:1 "
        "(open: No such device or address)"
    )
    (table,) = notes.tables.values()
    assert [row[3] for row in table.rows] == ["denied", "denied", "opened"]


def test_a_refusal_counts_only_where_the_holder_opens_its_own() -> None:
    outsider, holders, control = cast(REFUSED, own=REFUSED)
    with pytest.raises(ProbeFailed, match="cannot open its own /dev/nvidia0"):
        outsider.devices_opened(holders, control)

    outsider, holders, control = cast(own=REFUSED_MKNOD)
    assert outsider.devices_opened(holders, control) == []

    outsider, holders, control = cast(REFUSED)
    blind: Any = holders.pods[0]
    blind.pod.seen["main"] = sees()
    with pytest.raises(ProbeFailed, match="nothing to reach for"):
        outsider.devices_opened(holders, control)


def test_devices_of_who_cannot_be_looked_into_are_left_out() -> None:
    outsider, holders, control = cast()
    notes = Kept()
    outsider.pods[0]._evidence = lambda: notes
    outsider.pods[0].pod.run = lambda *_, container: Ran(REFUSED)
    vars(holders.pods[1])["running"] = {"spec": {"containers": []}}

    def refuse(_: str) -> Any:
        raise NoCapacity("others hold them")

    holders.pods[1].view = refuse
    assert outsider.devices_opened(holders, control) == []
    assert notes.left_out == [("devices of pod p on n0", "others hold them")]


def test_without_a_twin_on_the_node_nothing_is_said() -> None:
    outsider, holders, _ = cast()

    with pytest.raises(ProbeFailed, match="No pod on n0 holds a device"):
        outsider.devices_opened(holders, Control(majors=frozenset(), twins={}))
