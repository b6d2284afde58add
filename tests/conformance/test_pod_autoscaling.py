"""Autoscaling of pods: those that hold accelerators follow a metric of theirs, up and back."""

import pytest

from aicr_pytest.checks import AutoscalingTrial, Platform

pytestmark = pytest.mark.requirement("pod_autoscaling")

CREATES = "a Deployment of 1 to 2 pods with 1 accelerator each, and an autoscaler"
AT_ONCE = 2


@pytest.fixture(scope="module")
def trial(aicr_platform: Platform) -> AutoscalingTrial:
    """A Deployment whose pods can load their accelerators, and its autoscaler."""
    return AutoscalingTrial(aicr_platform)


@pytest.mark.aicr_check(basis="text", creates=CREATES, accelerators=AT_ONCE, seconds=15)
def test_metric_is_served_for_the_pod_and_below_target_while_it_idles(
    trial: AutoscalingTrial,
) -> None:
    """A metric of the accelerator is served for our pod; while it idles one replica is enough."""
    assert trial.not_served() == []


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=20)
def test_under_load_a_second_pod_runs_on_an_accelerator_of_its_own(
    trial: AutoscalingTrial,
) -> None:
    """The metric rises above target, replicas are wanted, and the new pod has its own device."""
    assert trial.not_scaled_out() == []


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=5)
def test_new_pod_has_a_metric_of_its_own(trial: AutoscalingTrial) -> None:
    """The new pod, which idles beside the loaded one, is shown idle."""
    assert trial.foreign_metric() == []


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=45)
def test_replicas_go_back_when_the_load_has_ended(trial: AutoscalingTrial) -> None:
    """Once the load has ended, and the stabilization window is over, one replica is left."""
    assert trial.not_scaled_in() == []
