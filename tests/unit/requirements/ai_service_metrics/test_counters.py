"""Requests are counted series by series: each N, neither more nor less, and never 2 N."""

import pytest

from aicr_pytest.monitoring.prometheus import Series
from aicr_pytest.requirements.ai_service_metrics.counters import (
    VLLM,
    bucket_faults,
    bucket_shortfalls,
    faults_of,
    gained,
    keyed,
    of_last_buckets,
    of_targets,
    queue_faults,
    shortfalls,
    waiting,
)

NAME = "vllm:request_success_total"


def series(value: float, name: str = NAME, **labels: str) -> Series:
    return Series(labels={"__name__": name, "model_name": "m", **labels}, value=value, at=1.0)


def judged(before: list[Series], after: list[Series]) -> list[str]:
    return faults_of(gained(keyed(before), keyed(after)), NAME, 20)


def test_exactly_as_many_is_fine() -> None:
    assert judged([series(3)], [series(23)]) == []


def test_series_of_two_replicas_each_gain_all_and_not_the_sum() -> None:
    before = [series(0, replica="a"), series(0, replica="b")]

    assert judged(before, [series(20, replica="a"), series(20, replica="b")]) == []
    (fault,) = judged(before, [series(20, replica="a"), series(40, replica="b")])
    assert 'replica="b"} gained 40' in fault


def test_series_that_was_scraped_later_began_at_zero() -> None:
    assert judged([], [series(20)]) == []


@pytest.mark.parametrize("value", [0, 19, 21, 40])
def test_any_other_number_is_a_fault(value: float) -> None:
    (fault,) = judged([series(0)], [series(value)])

    assert fault.startswith(f"20 requests were answered, and {NAME}{{model_name=")
    assert fault.endswith(f"gained {value:g}")


def test_no_series_is_a_fault_and_no_agreement() -> None:
    assert judged([], []) == [f"there is no series {NAME} of the service"]


BUCKET = f"{VLLM.histogram}_bucket"


def buckets(few: float, all_of_them: float) -> list[Series]:
    return [series(few, BUCKET, le="0.1"), series(all_of_them, BUCKET, le="+Inf")]


def test_last_bucket_must_gain_all_observations() -> None:
    gains = gained(keyed(buckets(1, 3)), keyed(buckets(6, 23)))

    assert bucket_faults(gains, VLLM.histogram, 20) == []
    assert "so that no latency can be told" in bucket_faults({}, VLLM.histogram, 20)[0]
    first = dict(list(gains.items())[:1])
    assert "no bucket le=+Inf" in bucket_faults(first, VLLM.histogram, 20)[0]
    (fault,) = bucket_faults(gains, VLLM.histogram, 21)
    assert 'le="+Inf"' in fault
    assert fault.endswith("gained 20")


def test_service_of_others_gains_at_least_what_was_sent_by_target() -> None:
    def gains(*values: float) -> list[str]:
        reasons = zip(("stop", "length"), values, strict=True)
        after = [series(value, finished_reason=why, instance="a") for why, value in reasons]
        return shortfalls(gained({}, keyed(after)), NAME, 20)

    assert gains(1, 19) == []
    assert gains(40, 0) == []
    (fault,) = gains(10, 9)
    assert fault.endswith('{instance="a"} gained 19')
    assert shortfalls({}, NAME, 20) == [f"there is no series {NAME} of the service"]


def test_last_buckets_of_a_service_of_others() -> None:
    gains = gained({}, keyed(buckets(1, 30)))

    assert bucket_shortfalls(gains, VLLM.histogram, 20) == []
    assert len(bucket_shortfalls(gains, VLLM.histogram, 31)) == 1


@pytest.mark.parametrize(("value", "faults"), [(0, 0), (7, 0), (-1, 1), (float("nan"), 1)])
def test_queue_gauge_is_a_number_of_requests(value: float, faults: int) -> None:
    assert len(queue_faults(keyed([series(value, VLLM.queue)]), VLLM)) == faults


def test_missing_queue_gauge_is_not_an_empty_queue() -> None:
    assert len(queue_faults({}, VLLM)) == 1
    assert waiting({}, VLLM) is None


def test_series_of_a_target_are_those_with_its_job_and_its_instance() -> None:
    after = [
        series(value, job=job, instance=instance, finished_reason=why)
        for value, job, instance, why in (
            (1, "a", "x", "stop"),
            (2, "a", "x", "length"),
            (4, "b", "x", "stop"),
            (8, "b", "y", "stop"),
        )
    ]
    gains = gained({}, keyed([*after, series(16, "another", job="a", instance="x")]))

    assert of_targets(gains, NAME) == {
        '{instance="x",job="a"}': 3,
        '{instance="x",job="b"}': 4,
        '{instance="y",job="b"}': 8,
    }


@pytest.mark.parametrize(("le", "last"), [("+Inf", 1), ("Inf", 1), ("10", 0)])
def test_last_bucket_is_the_one_without_a_bound(le: str, last: int) -> None:
    gains = gained({}, keyed([series(20, BUCKET, le=le), series(20, BUCKET, le="0.5")]))

    assert len(of_last_buckets(gains, VLLM.histogram)) == last


def test_series_without_a_name_is_none_of_a_metric() -> None:
    nameless = Series(labels={"model_name": "m"}, value=20.0, at=1.0)

    assert keyed([nameless]) == {("", (("model_name", "m"),)): 20.0}
