"""Defects that the checks of ``ai_service_metrics`` must notice.

The lab's platform has several ways to collect metrics, and one that works is enough; the truth
tests pin ServiceMonitors, which is what these break.
"""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections import prometheus

COLLECTED = "test_workload_that_nobody_knew_is_discovered_and_collected"
COUNTED = "test_every_request_is_counted_once"
HISTOGRAM = "test_latency_histogram_has_an_observation_per_request"
QUEUE = "test_queue_depth_is_shown_while_requests_wait"
GONE = "test_target_goes_with_its_workload"

_SERVICE = "ai_service_metrics"
_AFTER = frozenset({COUNTED, HISTOGRAM, QUEUE, GONE})
"""Checks that have nothing to look at where the service is not collected."""

DEFECTS = (
    Defect(
        id="svc-target-not-discovered",
        requirement=_SERVICE,
        sentence="New ServiceMonitors lose the label by which Prometheus selects.",
        injection=prometheus.NOT_SELECTED,
        detected_by=COLLECTED,
        also_fails=_AFTER,
        expected_message=r"samples of Pod \S+: not within .*\n.*0 series; no target of it is known",
    ),
    Defect(
        id="svc-scrape-fails",
        requirement=_SERVICE,
        sentence="New targets are scraped under a path that there is not.",
        injection=prometheus.WRONG_PATH,
        detected_by=COLLECTED,
        also_fails=_AFTER,
        expected_message=r"0 series; http://\S+/nothing-here: down \(.*404",
    ),
    Defect(
        id="svc-counter-frozen",
        requirement=_SERVICE,
        sentence="A series that never changes is stored under the counter's name.",
        injection=prometheus.FROZEN_COUNTER,
        basis="plan",
        detected_by=COUNTED,
        expected_message=r"20 requests were answered, and vllm:request_success_total\{.*\} "
        r"gained 0",
    ),
    Defect(
        id="svc-prometheus-down",
        requirement=_SERVICE,
        sentence="Prometheus does not run.",
        injection=prometheus.PrometheusReplicas(replicas=0),
        detected_by=COLLECTED,
        also_fails=_AFTER,
        expected_message="there is a Prometheus in the cluster, and it gives no usable answer: "
        ".*HTTP 503",
    ),
    Defect(
        id="svc-histogram-missing",
        requirement=_SERVICE,
        sentence="The buckets of the latency histogram are not stored.",
        injection=prometheus.NO_BUCKETS,
        basis="plan",
        detected_by=HISTOGRAM,
        expected_message="there is no series vllm:e2e_request_latency_seconds_bucket",
    ),
    Defect(
        id="svc-queue-missing",
        requirement=_SERVICE,
        sentence="The depth of the queue is not stored.",
        injection=prometheus.NO_QUEUE,
        basis="plan",
        detected_by=QUEUE,
        expected_message="requests waited, and the highest vllm:num_requests_waiting that .* is 0",
    ),
    Defect(
        id="svc-stale-target",
        requirement=_SERVICE,
        sentence="EndpointSlices never lose an address, so that targets stay.",
        injection=prometheus.ENDPOINTS_STAY,
        basis="hardening",
        expects="Implemented",
        detected_by=GONE,
        expected_message="is gone, and its target stays: ",
    ),
    Defect(
        id="svc-slow",
        requirement=_SERVICE,
        sentence="New targets are scraped every 12 s only: healthy.",
        injection=prometheus.SELDOM,
        expects="Implemented",
        expected_message="interval: 12s",
    ),
)
