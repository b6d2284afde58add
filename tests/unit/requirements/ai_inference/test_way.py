"""The way through a gateway is opened once, and is closed where another product is tried."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.errors import DoesNotApply, WaitTimeout
from aicr_pytest.requirements.ai_inference.trial import GatewayTrial


def on_trial(way: object, *, ours: bool) -> tuple[GatewayTrial, list[str]]:
    """A trial whose way is this one, or fails with it; and what was done."""
    done: list[str] = []
    backends: Any = SimpleNamespace(
        platform=SimpleNamespace(cluster=None, waiter=None, workspaces=SimpleNamespace(at=None))
    )

    def open_way() -> object:
        done.append("opened")
        if isinstance(way, Exception):
            raise way
        return way

    candidate: Any = SimpleNamespace(solution=None)
    trial = GatewayTrial(candidate, backends)
    vars(trial)["_opening"] = SimpleNamespace(close=lambda: ours)
    vars(trial)["_open"]._do = open_way
    return trial, done


def test_a_way_is_opened_once() -> None:
    trial, done = on_trial("way", ours=True)

    assert [trial._opened(), trial._opened()] == ["way", "way"]  # type: ignore[comparison-overlap]
    assert done == ["opened"]


@pytest.mark.parametrize("error", [WaitTimeout("not Programmed"), AssertionError("no listener")])
def test_a_way_that_cannot_be_opened_is_not_tried_again(error: Exception) -> None:
    trial, done = on_trial(error, ours=True)

    for leave in (False, True):
        if leave:
            trial.leave()
        with pytest.raises(type(error), match=str(error)):
            trial._opened()
    assert done == ["opened"]


@pytest.mark.parametrize("ours", [True, False])
def test_a_gateway_of_ours_is_gone_once_another_product_is_tried(ours: bool) -> None:
    trial, _ = on_trial("way", ours=ours)
    trial._opened()
    trial.leave()

    if ours:
        with pytest.raises(DoesNotApply, match="its Gateway was taken down"):
            trial._opened()
    else:
        trial._opened()
