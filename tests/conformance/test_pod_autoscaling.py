"""Autoscaling of pods: those that hold accelerators follow a metric of theirs, up and back."""

import pytest

from aicr_pytest.checks import AutoscalingTrial, Platform, Replicas

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
    idle = trial.idle()
    shown, wants = f"its {idle.metric} is {idle.value}", f"wants {idle.wanted or 'no'} replicas"

    assert idle.pod, f"no pod of the Deployment is ready any more: {idle}"
    assert idle.value is not None, f"{idle.metric} has no value for pod {idle.pod}: {idle}"
    assert idle.value < idle.target, f"pod {idle.pod} idles, and {shown}, not below {idle.target}"
    assert idle.wanted == 1, f"pod {idle.pod} idles, and the autoscaler {wants}: {idle}"


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=20)
def test_under_load_a_second_pod_runs_on_an_accelerator_of_its_own(
    trial: AutoscalingTrial,
) -> None:
    """The metric rises above target, replicas are wanted, and the new pod has its own device."""
    loaded = trial.under_load()

    assert loaded.value > loaded.target, loaded.because
    assert loaded.replicas == Replicas(wanted=2, ready=2), loaded.because
    first, new = loaded.pods
    common = ", ".join(sorted(first.devices & new.devices))
    assert new.devices.isdisjoint(first.devices), f"{first} and {new} both see {common}"


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=5)
def test_new_pod_has_a_metric_of_its_own(trial: AutoscalingTrial) -> None:
    """The new pod, which idles beside the loaded one, is shown idle."""
    both = trial.side_by_side()

    assert both.loaded > both.target, both.because
    assert both.idle <= both.halfway, both.because


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=45)
def test_replicas_go_back_when_the_load_has_ended(trial: AutoscalingTrial) -> None:
    """Once the load has ended, and the stabilization window is over, one replica is left."""
    after = trial.after_load()

    assert after.while_loaded == Replicas(wanted=2, ready=2), after.because
    assert after.seconds >= after.earliest, after.because
    assert after.replicas == Replicas(wanted=1, ready=1), after.because
