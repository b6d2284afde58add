"""Defects that the checks of ``pod_autoscaling`` must notice."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.exporters import LyingExporter
from aicr_lab.defects.injections.other_tenants import FilledNodes
from aicr_lab.defects.injections.pod_autoscaler import (
    ALWAYS_MAX,
    AT_ONCE,
    NEVER_DOWN,
    AdapterDown,
    ControllerOff,
)

SERVED = "test_metric_is_served_for_the_pod_and_below_target_while_it_idles"
OUT = "test_under_load_a_second_pod_runs_on_an_accelerator_of_its_own"
OWN = "test_new_pod_has_a_metric_of_its_own"
BACK = "test_replicas_go_back_when_the_load_has_ended"

_HPA = "pod_autoscaling"
_AFTER_SERVED = frozenset({OUT, OWN, BACK})
_AFTER_OUT = frozenset({OWN, BACK})

DEFECTS = (
    Defect(
        id="hpa-metric-frozen",
        requirement=_HPA,
        sentence="The metric has the same value for ever.",
        injection=LyingExporter(word="static"),
        basis="plan",
        detected_by=OUT,
        also_fails=_AFTER_OUT,
        expected_message=r"loads its accelerator \(9\d% by nvidia-smi\), and its gpu_utilization "
        r"does not "
        r"rise: .*\n.* at 42;",
    ),
    Defect(
        id="hpa-metric-cluster-wide",
        requirement=_HPA,
        sentence="Every pod is given the highest utilization of its node.",
        injection=LyingExporter(word="cluster-wide"),
        basis="plan",
        detected_by=OWN,
        expected_message=r"idles \(0% by nvidia-smi\) beside the loaded pod \S+, and its "
        r"gpu_utilization is "
        "none of its own",
    ),
    Defect(
        id="hpa-metric-average",
        requirement=_HPA,
        sentence="Every pod is given the average of all pods.",
        injection=LyingExporter(word="average"),
        basis="plan",
        detected_by=OWN,
        expected_message=r"idles \(0% by nvidia-smi\) beside the loaded pod \S+, and its "
        r"gpu_utilization is "
        "none of its own",
    ),
    Defect(
        id="hpa-metric-missing-labels",
        requirement=_HPA,
        sentence="The exporter does not say which pod holds an accelerator; whether pods scale by "
        "another metric is not seen.",
        injection=LyingExporter(word="no-pod-labels"),
        expects="Inconclusive",
        detected_by=SERVED,
        also_fails=_AFTER_SERVED,
        # An adapter that has not seen the healthy exporter offers no metric of pods.
        expected_message="gpu_utilization, and it tells nothing of our pod|"
        "a metric of accelerator pods .*: not within",
    ),
    Defect(
        id="hpa-metric-of-other-pod",
        requirement=_HPA,
        sentence="The readings of each accelerator stand under its neighbour's name.",
        injection=LyingExporter(word="wrong-device"),
        basis="plan",
        detected_by=OUT,
        also_fails=_AFTER_OUT,
        expected_message=r"and its gpu_utilization does not rise: .*\n.* at 0;",
    ),
    Defect(
        id="hpa-always-max",
        requirement=_HPA,
        sentence="Autoscalers want all replicas, whatever their metric says.",
        injection=ALWAYS_MAX,
        detected_by=SERVED,
        also_fails=_AFTER_SERVED,
        expected_message="idles, and the autoscaler wants 2 replicas",
    ),
    Defect(
        id="hpa-never-scales-down",
        requirement=_HPA,
        sentence="Autoscalers may not take replicas away.",
        injection=NEVER_DOWN,
        basis="plan",
        detected_by=BACK,
        expected_message="the load has ended, and replicas do not go back: ",
    ),
    Defect(
        id="hpa-goes-back-at-once",
        requirement=_HPA,
        sentence="Autoscalers do not wait before they take replicas away.",
        injection=AT_ONCE,
        basis="plan",
        detected_by=BACK,
        expected_message=r"replicas go \d\.\d s after the load's end, before the 30 s that",
    ),
    Defect(
        id="hpa-new-pod-pending",
        requirement=_HPA,
        sentence="Others hold all accelerators but one.",
        injection=FilledNodes(leaves=1),
        expects="Inconclusive",
        detected_by=SERVED,
        also_fails=_AFTER_SERVED,
        expected_message="It takes two free accelerators",
    ),
    Defect(
        id="hpa-adapter-down",
        requirement=_HPA,
        sentence="The metrics API is registered, and nobody serves it.",
        injection=AdapterDown(),
        detected_by=SERVED,
        also_fails=_AFTER_SERVED,
        expected_message="The metrics API is registered and not available: ",
    ),
    Defect(
        id="hpa-controller-off",
        requirement=_HPA,
        sentence="No controller looks at autoscalers.",
        injection=ControllerOff(),
        detected_by=SERVED,
        also_fails=_AFTER_SERVED,
        expected_message="idles, and the autoscaler wants no replicas: .*ScalingActive: not told",
    ),
)
