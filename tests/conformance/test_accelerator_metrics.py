"""Metrics of accelerators: each has its own, and they follow what runs on it."""

from collections.abc import Callable

import pytest

from aicr_pytest.checks import (
    AcceleratorNode,
    Accelerators,
    Actors,
    Exclusive,
    LoadTrial,
    Metrics,
    PodsPerNode,
    Workspaces,
)

pytestmark = pytest.mark.requirement("accelerator_metrics")

EVERY = 8
"""Accelerators that ordinary nodes have: loaded 1, idling 1, and ``rest`` all others."""

Nodes = list[AcceleratorNode]


@pytest.fixture(scope="module")
def nodes(aicr_accelerators: Accelerators, aicr_exclusive: Exclusive) -> Nodes:
    """The looked-at nodes, on which workloads are run once it is our turn there."""
    return aicr_accelerators.now(aicr_exclusive.whole(aicr_accelerators.samples(once=True)))


@pytest.fixture(scope="module")
def actors(aicr_workspace: Workspaces, nodes: Nodes) -> Actors:
    """A pod that can load its accelerator; where there is room, others that leave theirs idle."""
    roomy = [node for node in nodes if node.free >= 2]
    pods: dict[str, Callable[[], PodsPerNode]] = {
        "loaded": lambda: aicr_workspace.deploy(
            "accelerator_metrics/loaded", nodes, must_start=False
        )
    }
    if roomy:
        pods["idling"] = lambda: aicr_workspace.deploy(
            "accelerator_metrics/idling", roomy, must_start=False
        )
        pods["rest"] = lambda: aicr_workspace.deploy_each(
            "accelerator_metrics/idling", roomy, "rest", must_start=False, beside=lambda _: 2
        )
    return Actors(pods, room_for_all=True)


@pytest.fixture(scope="module")
def load_trial(aicr_metrics: Metrics, actors: Actors) -> LoadTrial:
    """What the exporters show while ``loaded`` is idle, busy, and idle again."""
    return aicr_metrics.load_trial(actors)


@pytest.mark.aicr_check(basis="text", creates="nothing", seconds=2)
def test_metrics_endpoint_answers_what_its_content_type_claims(aicr_metrics: Metrics) -> None:
    """Each node's exporter answers metrics that parse as the format that they claim."""
    assert aicr_metrics.answers_that_are_no_metrics() == []


@pytest.mark.aicr_check(basis="text", creates="nothing", seconds=1)
def test_every_accelerator_has_utilization_and_memory_of_its_own(aicr_metrics: Metrics) -> None:
    """What each node offers is what its exporter shows: the same accelerators, each once."""
    assert aicr_metrics.accelerators_without_series() == []


@pytest.mark.aicr_check(basis="text", creates="nothing", seconds=1)
def test_temperature_power_and_interconnect_have_values(aicr_metrics: Metrics) -> None:
    """What the exporter announces beside utilization and memory has sensible values."""
    assert aicr_metrics.sensors_without_sensible_values() == []


@pytest.mark.aicr_check(basis="plan", creates="nothing", seconds=15)
def test_samples_are_fresh(aicr_metrics: Metrics) -> None:
    """No sample says of itself that it is old, and the energy that each accelerator uses grows."""
    assert aicr_metrics.stale_answers() == []


@pytest.mark.aicr_check(
    basis="plan", creates="a container for each free accelerator", accelerators=EVERY, seconds=20
)
def test_readings_follow_the_workload_of_the_allocated_accelerator(load_trial: LoadTrial) -> None:
    """Idle, busy while a workload runs on it, idle again: utilization and memory in use."""
    assert load_trial.readings_that_do_not_follow() == []


@pytest.mark.aicr_check(
    basis="plan", creates="a container for each free accelerator", accelerators=EVERY, seconds=1
)
def test_readings_of_an_idle_accelerator_do_not_move(load_trial: LoadTrial) -> None:
    """While one accelerator is loaded, another that is held idle is shown idle."""
    assert load_trial.idle_accelerators_that_move() == []


@pytest.mark.aicr_check(
    basis="plan", creates="a container for each free accelerator", accelerators=EVERY, seconds=6
)
def test_every_free_accelerator_is_shown_idle_and_then_busy(load_trial: LoadTrial) -> None:
    """All that are left beside the one whose load was followed: idle at once, and busy at once."""
    assert load_trial.accelerators_not_shown_idle_and_busy() == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing", seconds=3)
def test_monitoring_system_collects_every_accelerator(aicr_metrics: Metrics) -> None:
    """The monitoring system gets new samples of every accelerator that the exporters show."""
    collection = aicr_metrics.collection()

    assert collection.exposed != frozenset(), "the exporters show no accelerator"
    assert collection.collected == collection.exposed, collection.because()
