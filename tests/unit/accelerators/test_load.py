"""A load is on or off once the vendor's own tool says so, and else nothing can be expected."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.load import SWITCH, Load, listed_loads
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import ProbeFailed


def switch(
    shown: str, *, refused: bool = False, code: int = 0
) -> tuple[Load, list[tuple[str, ...]]]:
    """The switch of a pod in which the tool shows this, and what was run there."""
    ran: list[tuple[str, ...]] = []

    def run(*command: str, container: str) -> Any:
        assert container == ""
        ran.append(command)
        if command[0] == "tool":
            return SimpleNamespace(exit_code=code, stdout=shown, stderr="")
        return SimpleNamespace(exit_code=int(refused), stdout="", stderr="read-only" * refused)

    pod: Any = SimpleNamespace(
        on=SimpleNamespace(
            profile=dataclasses.replace(PROFILE, tool="tool", load_arguments=("--load",))
        ),
        view=lambda _: SimpleNamespace(tool="tool"),
        pod=SimpleNamespace(run=run, logs=lambda **_: "out of memory"),
    )
    cluster: Any = SimpleNamespace(observer=Unobserved())
    return Load(pod, Waiter(cluster, scale=0.0)), ran


def test_a_load_is_on_once_the_tool_shows_it() -> None:
    load, ran = switch("GPU-a, 50 %")
    load.on()
    assert ran == [("touch", SWITCH), ("tool", "--load")]

    load, ran = switch("GPU-a, 10 %")
    load.off()
    assert ran == [("rm", "-f", SWITCH), ("tool", "--load")]


@pytest.mark.parametrize(("on", "shown"), [(True, "GPU-a, 49 %"), (False, "GPU-a, 11 %")])
def test_a_workload_that_does_not_follow_proves_nothing(on: bool, shown: str) -> None:
    load, _ = switch(shown)

    with pytest.raises(ProbeFailed, match=r"(?s)does not make its accelerator .*out of memory"):
        load.on() if on else load.off()


def test_a_switch_that_cannot_be_reached_proves_nothing() -> None:
    load, _ = switch("GPU-a, 97 %", refused=True)

    with pytest.raises(ProbeFailed, match="the load cannot be switched: read-only"):
        load.on()


def test_a_warning_beside_a_load_is_no_failure() -> None:
    load, _ = switch("GPU-a, 97\nWARNING: infoROM is corrupted at gpu 0000:3B:00.0", code=14)
    assert load.seen() == 0.97

    lost, _ = switch("GPU-a, 97", code=15)
    with pytest.raises(ProbeFailed, match="cannot tell the utilization"):
        lost.seen()


def test_loads_are_of_the_devices_that_the_tool_lists() -> None:
    said = [
        "GPU-a, 97",
        "GPU-b, [N/A]",
        "No devices were found",
        "[HAMI-core Msg]: at, 50",
        " %, 1",
    ]

    assert listed_loads(PROFILE, said) == {"GPU-a": 0.97}
