"""Cluster autoscaling: nodes with accelerators come when pods need them, and go again."""

import pytest

from aicr_pytest.checks import (
    Autoscaler,
    Platform,
    ScalingTrial,
    Solutions,
    Steps,
    Trials,
    scaling_trials,
)

pytestmark = pytest.mark.requirement("cluster_autoscaling")

autoscaler = Steps[ScalingTrial]("autoscalers")
"""What one autoscaler has to pass, in this order."""


@pytest.fixture(scope="module")
def autoscalers(
    aicr_solution: Solutions[Autoscaler], aicr_platform: Platform
) -> Trials[ScalingTrial]:
    """The experiment, where the user lets an autoscaler buy nodes."""
    aicr_platform.settings.needs("scale-out")
    return scaling_trials(aicr_solution, aicr_platform, autoscaler)


CREATES = "a pod for which an autoscaler buys a node, and one on each node where it shall not run"


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=1, seconds=10)
@autoscaler.passes
def test_accelerator_pod_that_fits_nowhere_gets_a_new_node(trial: ScalingTrial) -> None:
    """A pod is Unschedulable first, then runs on a new, Ready node that offers accelerators."""
    grown = trial.grows()
    pod, node = grown.pod, grown.node

    assert node not in grown.before, f"{node} is no new node: it was there before {pod} was created"
    assert grown.unschedulable, f"{pod} was never Unschedulable: it found room without a new node"
    assert grown.ready, f"{node} is not Ready"
    says = f"no device is published, allocatable is {grown.allocatable}"
    assert grown.accelerators > 0, f"{node} offers no accelerator: {says}"


@pytest.mark.aicr_check(basis="plan", creates="nothing", accelerators=1, seconds=45)
@autoscaler.passes
def test_node_goes_again_once_nobody_uses_it(trial: ScalingTrial) -> None:
    """Once the pod is gone its node goes, within the time that the user gives, and none comes."""
    shrunk = trial.shrinks()

    assert shrunk.gone, shrunk.because
    assert shrunk.newcomers == (), f"{', '.join(shrunk.newcomers)} came though no pod wants it"
