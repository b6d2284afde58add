"""What exporters say is judged accelerator by accelerator."""

import dataclasses
import re

import pytest

from aicr_pytest.accelerators.load import listed_loads
from aicr_pytest.accelerators.vendors.nvidia import EXPORTER
from aicr_pytest.monitoring.exposition import Exposition, Sample
from aicr_pytest.requirements.accelerator_metrics.readings import (
    Exposed,
    Offered,
    ages,
    chosen,
    coverage_faults,
    identities,
    sensor_faults,
    sensors,
    share,
    staleness,
)

TWO = Offered(node="node-0", identities=frozenset({"GPU-a", "GPU-b"}), count=2)
COUNTED = Offered(node="node-0", identities=frozenset(), count=2)
UTILIZATION, MEMORY = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED"


def gpu(name: str, uuid: str, value: float, at: float | None = None, **labels: str) -> Sample:
    index = {"GPU-a": "0", "GPU-b": "1"}.get(uuid, "9")
    return Sample(name=name, labels={"UUID": uuid, "gpu": index, **labels}, value=value, at=at)


def both(uuid: str, value: float = 0.0, **labels: str) -> list[Sample]:
    return [
        gpu(UTILIZATION, uuid, value, None, **labels),
        gpu(MEMORY, uuid, 10 * value, None, **labels),
    ]


def exposed(*samples: Sample, announced: tuple[str, ...] = ()) -> Exposed:
    types = {sample.name: "gauge" for sample in samples} | dict.fromkeys(announced, "gauge")
    return Exposed(
        node="node-0",
        pod="gpu/dcgm-1",
        exposition=Exposition(types=types, samples=samples),
        answered_at=1000.0,
    )


def test_every_accelerator_with_series_of_its_own_is_fine() -> None:
    answer = exposed(*both("GPU-a"), *both("GPU-b"))

    assert coverage_faults(EXPORTER, TWO, [answer]) == []
    assert coverage_faults(EXPORTER, COUNTED, [answer]) == []


def test_series_per_pod_of_a_shared_accelerator_are_no_duplicates() -> None:
    answer = exposed(*both("GPU-a", pod="x"), *both("GPU-a", pod="y"), *both("GPU-b"))

    assert coverage_faults(EXPORTER, TWO, [answer]) == []


def test_missing_accelerator_is_named() -> None:
    faults = coverage_faults(EXPORTER, TWO, [exposed(*both("GPU-a"))])

    assert [fault.rpartition(": ")[2] for fault in faults] == [
        f"utilization ({UTILIZATION}) lacks GPU-b",
        f"memory ({MEMORY}) lacks GPU-b",
    ]


def test_missing_accelerator_is_missed_where_only_a_count_is_published() -> None:
    faults = coverage_faults(EXPORTER, COUNTED, [exposed(*both("GPU-a"))])

    assert "series of 1 accelerators, 2 are offered" in faults[0]


def test_accelerator_that_is_withheld_and_still_measured_accuses_nobody() -> None:
    # One that is tainted, ill or partitioned is not offered, and the exporter goes on with it.
    answer = exposed(*both("GPU-a"), *both("GPU-b"), *both("GPU-ill"))

    assert coverage_faults(EXPORTER, TWO, [answer]) == []
    assert coverage_faults(EXPORTER, COUNTED, [answer]) == []


def test_one_identity_for_two_accelerators_is_a_fault() -> None:
    twice = exposed(*both("GPU-a"), gpu(UTILIZATION, "GPU-a", 0, gpu="1"), gpu(MEMORY, "GPU-b", 0))

    assert any("0, 1 all carry UUID GPU-a" in f for f in coverage_faults(EXPORTER, TWO, [twice]))


def test_node_without_an_exporter_is_a_fault() -> None:
    assert coverage_faults(EXPORTER, TWO, []) == [
        "node-0 offers 2 accelerators, and dcgm-exporter is not there"
    ]


def test_names_without_values_are_a_fault() -> None:
    faults = coverage_faults(EXPORTER, TWO, [exposed(announced=(UTILIZATION, MEMORY))])

    assert "utilization has no value at all" in faults[0]
    assert "memory has no value at all" in faults[1]


def test_partitioned_accelerators_are_read_by_the_second_name() -> None:
    active = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    answer = exposed(gpu(active, "GPU-a", 0.97))

    assert chosen(EXPORTER.utilization, [answer]) == EXPORTER.utilization[1]
    assert share(EXPORTER, EXPORTER.utilization, [answer]) == {"GPU-a": 0.97}


def test_share_is_that_of_full_load() -> None:
    assert share(EXPORTER, EXPORTER.utilization, [exposed(*both("GPU-a", 93))]) == {"GPU-a": 0.93}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DCGM_FI_DEV_GPU_TEMP", 0.0, "temperature .* of GPU-a is 0"),
        ("DCGM_FI_DEV_POWER_USAGE", -1.0, "power .* of GPU-a is -1"),
        ("DCGM_FI_DEV_POWER_USAGE", float("inf"), "power .* of GPU-a is inf"),
    ],
)
def test_senseless_sensor_is_a_fault(name: str, value: float, words: str) -> None:
    (fault,) = sensor_faults(EXPORTER, TWO, [exposed(gpu(name, "GPU-a", value))])

    assert re.search(words, fault)


def test_quiet_link_is_sensible() -> None:
    quiet = exposed(gpu("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "GPU-a", 0.0))

    assert sensor_faults(EXPORTER, TWO, [quiet]) == []


def test_sensor_that_is_only_announced_is_a_fault() -> None:
    answer = exposed(*both("GPU-a"), announced=("DCGM_FI_DEV_GPU_TEMP",))

    (fault,) = sensor_faults(EXPORTER, TWO, [answer])
    assert fault == "node-0: temperature (DCGM_FI_DEV_GPU_TEMP) is announced and has not one value"


def test_sensor_that_is_not_offered_is_none() -> None:
    assert sensors(EXPORTER, [exposed(*both("GPU-a"))]) == {}


def test_sample_that_says_that_it_is_old_is_stale() -> None:
    answer = exposed(gpu(UTILIZATION, "GPU-a", 5, at=400.0), gpu(UTILIZATION, "GPU-b", 5, at=990.0))

    (fault,) = staleness([answer])
    assert "600 s old by its own timestamp" in fault


def test_sample_without_a_time_or_an_answer_without_a_clock_is_not_stale() -> None:
    old = exposed(gpu(UTILIZATION, "GPU-a", 5, at=400.0))

    assert staleness([exposed(*both("GPU-a"))]) == []
    assert staleness([dataclasses.replace(old, answered_at=None)]) == []


def test_loads_that_the_tool_lists() -> None:
    assert listed_loads(["GPU-a, 97", "GPU-b, [N/A]", "No devices were found"]) == {"GPU-a": 0.97}


def test_parts_of_a_partitioned_accelerator_each_count() -> None:
    parts = [*both("GPU-a", GPU_I_ID="1"), *both("GPU-a", GPU_I_ID="2")]

    assert coverage_faults(EXPORTER, COUNTED, [exposed(*parts)]) == []
    (*_, fault) = coverage_faults(EXPORTER, COUNTED, [exposed(*parts[:2])])
    assert "series of 1 accelerators, 2 are offered" in fault


def told_of(pod: str, *samples: Sample, at: float | None = 1000.0) -> Exposed:
    return dataclasses.replace(exposed(*samples), pod=pod, answered_at=at)


def test_what_has_no_value_is_told_with_every_pod_and_name() -> None:
    answers = [told_of("gpu/dcgm-1"), told_of("gpu/dcgm-2")]

    names = "DCGM_FI_DEV_GPU_UTIL or DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    assert coverage_faults(EXPORTER, TWO, answers) == [
        f"node-0, pod gpu/dcgm-1, gpu/dcgm-2: utilization has no value at all ({names})",
        f"node-0, pod gpu/dcgm-1, gpu/dcgm-2: memory has no value at all ({MEMORY})",
    ]
    assert identities(EXPORTER, EXPORTER.utilization, answers) == set()


def test_sensor_is_offered_where_it_has_samples_or_is_announced() -> None:
    name = "DCGM_FI_DEV_POWER_USAGE"
    untyped = Exposition(types={}, samples=(gpu(name, "GPU-a", 70.0),))
    other = Exposition(types={"another": "gauge"}, samples=(gpu("another", "GPU-a", 1.0),))

    for exposition, offered in ((untyped, {"power"}), (other, set())):
        answer = dataclasses.replace(exposed(), exposition=exposition)
        assert set(sensors(EXPORTER, [answer])) == offered


def test_every_sensor_is_judged_whatever_another_one_lacks() -> None:
    temperature, power, link = (
        "DCGM_FI_DEV_GPU_TEMP",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
    )
    answer = exposed(
        gpu(power, "GPU-a", 0.0),
        gpu(power, "GPU-b", 0.5),
        gpu(link, "GPU-a", -1.0),
        gpu(link, "GPU-b", 0.0),
        announced=(temperature,),
    )

    assert sensor_faults(EXPORTER, TWO, [answer]) == [
        f"node-0: temperature ({temperature}) is announced and has not one value",
        f"node-0: power ({power}) of GPU-a is 0",
        f"node-0: interconnect ({link}) of GPU-a is -1",
    ]
    cool = exposed(gpu(temperature, "GPU-a", 0.5))
    assert sensor_faults(EXPORTER, TWO, [cool]) == []


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([], "0, none with a time of its own: all as fresh as the answer"),
        (
            [told_of("a", gpu(MEMORY, "GPU-a", 1.0)), told_of("b", *both("GPU-b"))],
            "3, none with a time of its own: all as fresh as the answer",
        ),
        (
            [told_of("a", gpu(MEMORY, "GPU-a", 1.0, at=900.0), at=None)],
            "1, none with a time of its own: all as fresh as the answer",
        ),
        (
            [
                told_of("a", gpu(MEMORY, "GPU-a", 1.0, at=980.0), *both("GPU-b")),
                told_of("b", gpu(MEMORY, "GPU-b", 1.0, at=940.0)),
            ],
            "4, 2 with a time of their own: the oldest is 60 s old",
        ),
    ],
)
def test_ages_of_samples_are_told_in_a_line(answers: list[Exposed], words: str) -> None:
    assert ages(answers) == words


def test_every_answer_that_is_too_old_is_told_by_its_oldest_sample() -> None:
    aging = told_of("a", *(gpu(MEMORY, "GPU-a", value, at=850.0) for value in (1.0, 2.0)))
    old = told_of(
        "b", *(gpu(MEMORY, name, 1.0, at=at) for name, at in (("GPU-a", 849.0), ("GPU-b", 800.0)))
    )
    same = told_of("c", *(gpu(MEMORY, "GPU-a", value, at=849.0) for value in (1.0, 2.0)))
    clockless = told_of("d", gpu(MEMORY, "GPU-a", 1.0, at=1.0), at=None)

    assert staleness([clockless, aging]) == []
    first, second = staleness([clockless, old, aging, same])
    assert first.startswith("node-0, pod b: ")
    assert "GPU-b" in first
    assert "is 200 s old by its own timestamp; more than 150 s is stale" in first
    assert second.startswith("node-0, pod c: ")
    assert "is 151 s old" in second
