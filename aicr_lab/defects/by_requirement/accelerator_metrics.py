"""Defects that the checks of ``accelerator_metrics`` must notice."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.exporters import (
    CRASHING,
    ON_ONE_NODE,
    ExporterNotScraped,
    LyingExporter,
)

ANSWERS = "test_metrics_endpoint_answers_what_its_content_type_claims"
EVERY = "test_every_accelerator_has_utilization_and_memory_of_its_own"
SENSORS = "test_temperature_power_and_interconnect_have_values"
FRESH = "test_samples_are_fresh"
FOLLOW = "test_readings_follow_the_workload_of_the_allocated_accelerator"
STILL = "test_readings_of_an_idle_accelerator_do_not_move"
EACH = "test_every_free_accelerator_is_shown_idle_and_then_busy"
COLLECTED = "test_monitoring_system_collects_every_accelerator"

_METRICS = "accelerator_metrics"
_ALL = frozenset({ANSWERS, EVERY, SENSORS, FRESH, FOLLOW, STILL, EACH, COLLECTED})
_UTILIZATION = r"utilization \(DCGM_FI_DEV_GPU_UTIL\)"

DEFECTS = (
    Defect(
        id="metrics-static",
        requirement=_METRICS,
        sentence="The exporter shows the same values for ever.",
        injection=LyingExporter(word="static"),
        basis="plan",
        detected_by=FOLLOW,
        also_fails=frozenset({STILL, EACH, FRESH}),
        expected_message="nothing runs on it, and the exporter shows 42%",
    ),
    Defect(
        id="metrics-static-on-one-node",
        requirement=_METRICS,
        sentence="The exporter of a node that nobody loads shows the same values for ever.",
        injection=LyingExporter(word="static", first=1),
        basis="plan",
        detected_by=FRESH,
        expected_message=r"node-1: DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION of GPU-[0-9a-f-]+ stays at",
    ),
    Defect(
        id="metrics-missing-device",
        requirement=_METRICS,
        sentence="The last accelerator of every node has no series.",
        injection=LyingExporter(word="missing-device"),
        detected_by=EVERY,
        also_fails=frozenset({FOLLOW, STILL, EACH}),
        expected_message=rf"node-0, pod \S+: {_UTILIZATION} lacks GPU-[0-9a-f-]+",
    ),
    Defect(
        id="metrics-one-node-only",
        requirement=_METRICS,
        sentence="The exporter runs on one node of two.",
        injection=ON_ONE_NODE,
        detected_by=EVERY,
        expected_message="node-1 offers 8 accelerators, and dcgm-exporter is not there",
    ),
    Defect(
        id="metrics-duplicate-uuid",
        requirement=_METRICS,
        sentence="Two accelerators of every node carry the same UUID.",
        injection=LyingExporter(word="duplicate-uuid"),
        detected_by=EVERY,
        also_fails=frozenset({FOLLOW, STILL, EACH}),
        expected_message=rf"{_UTILIZATION}: accelerators 0, 1 all carry UUID GPU-[0-9a-f-]+",
    ),
    Defect(
        id="metrics-stale",
        requirement=_METRICS,
        sentence="The exporter repeats one old answer, with its old timestamps.",
        injection=LyingExporter(word="stale"),
        basis="plan",
        detected_by=FRESH,
        also_fails=frozenset({FOLLOW, EACH, COLLECTED}),
        expected_message=r"is 60\d s old by its own timestamp",
    ),
    Defect(
        id="metrics-wrong-device-moves",
        requirement=_METRICS,
        sentence="The readings of each accelerator stand under its neighbour's name.",
        injection=LyingExporter(word="wrong-device"),
        basis="plan",
        detected_by=FOLLOW,
        also_fails=frozenset({STILL, EACH}),
        expected_message=r"shows 9\d%, the exporter 0%; instead it shows GPU-[0-9a-f-]+ at 9\d%",
    ),
    Defect(
        id="metrics-one-always-busy",
        requirement=_METRICS,
        sentence="One accelerator of every node, the sixth, is always shown as busy.",
        injection=LyingExporter(word="one-always-busy"),
        basis="plan",
        detected_by=EACH,
        expected_message="nothing runs on it, and the exporter shows 97%",
    ),
    Defect(
        id="metrics-one-never-busy",
        requirement=_METRICS,
        sentence="One accelerator of every node, the sixth, is never shown as busy.",
        injection=LyingExporter(word="one-never-busy"),
        basis="plan",
        detected_by=EACH,
        expected_message=r"and loads it: nvidia-smi shows 9\d%, the exporter 0%",
    ),
    Defect(
        id="metrics-html",
        requirement=_METRICS,
        sentence="The exporter's endpoint answers a web page.",
        injection=LyingExporter(word="html"),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message="the endpoint claims text/html",
    ),
    Defect(
        id="metrics-exporter-crash-loop",
        requirement=_METRICS,
        sentence="The exporter ends again and again.",
        injection=CRASHING,
        detected_by=EVERY,
        also_fails=_ALL,
        expected_message=r"exporter pod \S+ on node-\d: ready: not within .*\n.*CrashLoopBackOff",
    ),
    Defect(
        id="prometheus-not-scraping",
        requirement=_METRICS,
        sentence="Nothing tells Prometheus to scrape the exporter.",
        injection=ExporterNotScraped(),
        basis="hardening",
        expects="Implemented",
        detected_by=COLLECTED,
        expected_message="no new sample of GPU-[0-9a-f-]+",
    ),
)
