"""Requests are counted series by series: each N, neither more nor less, and never 2 N."""

import pytest

from aicr_pytest.cluster.prometheus import Series
from aicr_pytest.service_counts import faults_of, gained, keyed, missing_buckets

NAME = "vllm:request_success_total"


def series(value: float, name: str = NAME, **labels: str) -> Series:
    return Series(labels={"__name__": name, "model_name": "m", **labels}, value=value, at=1.0)


def judged(before: list[Series], after: list[Series]) -> list[str]:
    return faults_of(gained(keyed(before), keyed(after)), NAME, 20, "")


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


def test_why_samples_did_not_come_is_said() -> None:
    assert faults_of({}, NAME, 20, "not within 9 s")[0].endswith("\n  not within 9 s")


def test_buckets_must_hold_all_observations() -> None:
    full = [series(5, "b", le="0.1"), series(20, "b", le="+Inf")]

    assert missing_buckets(full, 20, "b") == []
    assert "so that no latency can be told" in missing_buckets([], 20, "b")[0]
    assert "no bucket le=+Inf" in missing_buckets(full[:1], 20, "b")[0]
    assert "is the last bucket" in missing_buckets(full, 21, "b")[0]
