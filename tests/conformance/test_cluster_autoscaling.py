"""Cluster autoscaling: nodes with accelerators come when pods need them, and go again."""

import pytest

from aicr_pytest.checks import Autoscaler, Platform, ScalingTrial, Solutions, Trials, scaling_trials

pytestmark = pytest.mark.requirement("cluster_autoscaling")

Scaling = Trials[ScalingTrial]


@pytest.fixture(scope="module")
def scaling(aicr_solution: Solutions[Autoscaler], aicr_platform: Platform) -> Scaling:
    """The experiment, where the user lets an autoscaler buy nodes."""
    aicr_platform.settings.needs("scale-out")
    return scaling_trials(aicr_solution, aicr_platform)


CREATES = "a pod for which an autoscaler buys a node, and one on each node where it shall not run"


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=1, seconds=10)
def test_accelerator_pod_that_fits_nowhere_gets_a_new_node(scaling: Scaling) -> None:
    """A pod is Unschedulable first, then runs on a new, Ready node that offers accelerators."""
    assert scaling.faults(ScalingTrial.grows) == []


@pytest.mark.aicr_check(basis="plan", creates="nothing", accelerators=1, seconds=45)
def test_node_goes_again_once_nobody_uses_it(scaling: Scaling) -> None:
    """Once the pod is gone its node goes, within the time that the user gives, and none comes."""
    assert scaling.faults(ScalingTrial.shrinks) == []
