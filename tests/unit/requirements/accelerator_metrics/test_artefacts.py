"""What exporters of the field answered, with names replaced, and what broken ones would."""

import dataclasses
import re
from pathlib import Path

import pytest

from aicr_pytest.accelerators.vendors import amd
from aicr_pytest.accelerators.vendors.nvidia import EXPORTER
from aicr_pytest.monitoring.exposition import parse
from aicr_pytest.requirements.accelerator_metrics.readings import (
    Exposed,
    Offered,
    coverage_faults,
    foreign_faults,
    sensor_faults,
    sensors,
    share,
    shown,
    standing,
    why_unmatched,
)

ARTEFACTS = Path(__file__).parent / "artefacts"
VGPU = "GPU-00000000-0000-0000-0000-000000000000"
TEMPERATURE, MEMORY_TEMPERATURE = "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_MEMORY_TEMP"


def page(name: str, *, node: str = "n", edited: tuple[str, str] = ("", "")) -> list[Exposed]:
    """What one exporter answered; edited, so that it would be a broken one's."""
    text = (ARTEFACTS / f"{name}.txt").read_text(encoding="utf-8")
    pattern, other = edited
    changed = re.sub(pattern, other, text, flags=re.MULTILINE) if pattern else text
    assert bool(pattern) is (changed != text)
    exposition = parse(changed, "text/plain; version=0.0.4; charset=utf-8")
    return [Exposed(node=node, pod="gpu/dcgm", exposition=exposition, answered_at=1.0)]


def published(*identities: str) -> Offered:
    return Offered(node="n", identities=frozenset(identities), count=len(identities))


def counted(count: int, *, node: str = "n", parts_apart: bool = False, parts: int = 0) -> Offered:
    return Offered(
        node=node, identities=frozenset(), count=count, parts_apart=parts_apart, parts=parts
    )


@pytest.mark.parametrize(
    ("name", "offered", "offers"),
    [
        ("vgpu-guest", published(VGPU), {"interconnect"}),
        ("vgpu-guest", counted(1), {"interconnect"}),
        ("nvlink-counter", published("GPU-k"), {"interconnect"}),
        ("mig-mixed", published("GPU-w"), set()),
        ("mig-mixed", counted(1, parts_apart=True), set()),
        ("mig-mixed", counted(1, parts_apart=True, parts=2), set()),
        ("mig-mixed", dataclasses.replace(published("GPU-w"), parts=2), set()),
        ("mig-only", counted(1, parts=4), set()),
        ("two-models", counted(1, parts_apart=True, parts=2), {"temperature"}),
        ("t4", published("GPU-t"), {"temperature", "power"}),
        ("two-models", published("GPU-ada"), {"temperature"}),
        ("two-models", counted(1, parts_apart=True), {"temperature"}),
    ],
)
def test_healthy_exporter_of_the_field_is_not_accused(
    name: str, offered: Offered, offers: set[str]
) -> None:
    answer = page(name)

    assert coverage_faults(EXPORTER, offered, answer) == []
    assert foreign_faults(EXPORTER, [(offered, answer)]) == []
    assert sensor_faults(EXPORTER, offered, answer) == []
    assert set(sensors(EXPORTER, answer)) == offers


def test_counter_without_a_suffix_has_its_value() -> None:
    ((_, series),) = sensors(EXPORTER, page("nvlink-counter"))["interconnect"]

    assert [sample.value for sample in series["GPU-k"]] == [123456]


def test_blanks_of_dcgm_are_no_readings() -> None:
    answer = page("blanks-of-2.x")

    assert set(sensors(EXPORTER, answer)) == {"temperature"}
    assert sensor_faults(EXPORTER, published("GPU-t"), answer) == []
    assert set(shown(EXPORTER, EXPORTER.memory, answer)) == {"GPU-u"}
    lacking = coverage_faults(EXPORTER, published("GPU-t"), answer)
    assert [fault.rpartition(": ")[2] for fault in lacking] == [
        "memory (DCGM_FI_DEV_FB_USED) lacks GPU-t"
    ]


@pytest.mark.parametrize(
    ("heading", "accused"),
    [
        ("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL counter", 0),  # a T4 has no such link
        ("DCGM_FI_DEV_POWER_USAGE gauge", 1),
    ],
)
def test_heading_alone_accuses_of_what_every_accelerator_has(heading: str, accused: int) -> None:
    answer = page("t4", edited=(r"^.*POWER_USAGE(.*\n)*", f"# TYPE {heading}\n"))

    assert len(sensor_faults(EXPORTER, published("GPU-t"), answer)) == accused


@pytest.mark.parametrize(
    "blank",
    [
        *("2147483632", "2147483633", "2147483634", "2147483635", "0x7ffffff0", "NaN"),
        *("9223372036854775792", "9223372036854775795", "9.223372036854776e+18"),
        *("140737488355328", "140737488355330.000000", "1.40737488355328e+14"),
    ],
)
def test_utilization_that_is_blank_is_none(blank: str) -> None:
    value = str(int(blank, 16)) if blank.startswith("0x") else blank
    answer = page("t4", edited=(r"(?<=^DCGM_FI_DEV_GPU_UTIL)(.*) 0$", rf"\1 {value}"))

    assert share(EXPORTER, EXPORTER.utilization, answer) == {}
    (fault,) = coverage_faults(EXPORTER, published("GPU-t"), answer)
    assert "utilization has no value at all" in fault


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", r"temperature \(DCGM_FI_DEV_GPU_TEMP\) of GPU-t is 0"),
        ("-3", r"temperature \(DCGM_FI_DEV_GPU_TEMP\) of GPU-t is -3"),
        ("+Inf", r"temperature \(DCGM_FI_DEV_GPU_TEMP\) of GPU-t is inf"),
    ],
)
def test_accelerator_without_a_temperature_of_its_own_is_still_accused(
    value: str, words: str
) -> None:
    answer = page("t4", edited=(rf"(?<=^{TEMPERATURE})(.*) 74$", rf"\1 {value}"))

    (fault,) = sensor_faults(EXPORTER, published("GPU-t"), answer)
    assert re.search(words, fault)


def test_temperature_of_memory_is_judged_beside_that_of_the_accelerator() -> None:
    answer = page("t4", edited=(rf"(?<=^{MEMORY_TEMPERATURE})(.*) 0$", r"\1 -40"))

    (fault,) = sensor_faults(EXPORTER, published("GPU-t"), answer)
    assert "temperature (DCGM_FI_DEV_MEMORY_TEMP) of GPU-t is -40" in fault


def test_senseless_link_beside_a_sensible_one_is_seen() -> None:
    twin = r"\g<0>\nDCGM_FI_PROF_PCIE_TX_BYTES\1 -5"
    answer = page(
        "nvlink-counter", edited=(r"^DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL(.*) 123456$", twin)
    )

    (fault,) = sensor_faults(EXPORTER, published("GPU-k"), answer)
    assert "interconnect (DCGM_FI_PROF_PCIE_TX_BYTES) of GPU-k is -5" in fault


@pytest.mark.parametrize(
    ("model", "temperature", "accused"),
    [("Tesla T4", "", 1), ("Tesla T4", "9223372036854775794", 1), ("NVIDIA L4", "", 0)],
)
def test_one_sick_device_is_seen_beside_others_of_its_model(
    model: str, temperature: str, accused: int
) -> None:
    well = page("t4")
    line = rf"{TEMPERATURE}\1 {temperature}" if temperature else ""
    (answer,) = page("t4", edited=(rf"^{TEMPERATURE}(.*) 74$", line))
    samples = tuple(
        dataclasses.replace(one, labels={**one.labels, "UUID": "GPU-sick", "modelName": model})
        for one in answer.exposition.samples
    )
    exposition = dataclasses.replace(answer.exposition, samples=samples)
    both = [*well, dataclasses.replace(answer, exposition=exposition)]

    faults = sensor_faults(EXPORTER, published("GPU-t", "GPU-sick"), both)
    assert len(faults) == accused
    assert all("GPU-sick has no value, and others of its model have one" in one for one in faults)
    # One that is withheld may be as sick as it is.
    assert sensor_faults(EXPORTER, published("GPU-t"), both) == []


def test_parts_that_are_counted_apart_do_not_stand_for_a_whole_accelerator() -> None:
    lost = page("mig-mixed", edited=(r'^DCGM_FI_DEV_\w+\{gpu="0".*$', ""))

    for offered in (published("GPU-w"), counted(1, parts_apart=True)):
        assert len(coverage_faults(EXPORTER, offered, lost)) == 2


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        ("GPU-m", "GPU-m is partitioned"),
        ("MIG-1", "MIG-1 is a part of an accelerator, and which series is of it nothing tells"),
        ("GPU-m/7", ""),
        ("GPU-x", ""),
    ],
)
def test_which_series_is_of_a_part_that_a_pod_holds_nothing_tells(identity: str, why: str) -> None:
    seen = share(EXPORTER, EXPORTER.utilization, page("mig-only"))

    assert why_unmatched(EXPORTER, identity, seen)[: len(why) or None] == why


@pytest.mark.parametrize(
    ("name", "offered", "left", "of"),
    [
        ("mig-mixed", counted(1, parts_apart=True, parts=2), 1, 2),
        ("mig-mixed", dataclasses.replace(published("GPU-w"), parts=2), 1, 2),
        ("mig-only", counted(1, parts=4), 3, 4),
    ],
)
def test_a_part_that_is_lost_is_missed(name: str, offered: Offered, left: int, of: int) -> None:
    lost = page(name, edited=(r'^DCGM_FI_DEV_FB_USED.*GPU_I_ID="9".*$', ""))

    (fault,) = coverage_faults(EXPORTER, offered, lost)
    assert fault.endswith(f"(DCGM_FI_DEV_FB_USED) has series of {left} parts, {of} are offered")
    assert coverage_faults(EXPORTER, dataclasses.replace(offered, parts=of - 1), lost) == []


def test_who_tells_of_no_part_may_have_readings_of_the_whole() -> None:
    two_lines = r"^(DCGM_FI_PROF_GR_ENGINE_ACTIVE\{.*),GPU_I_PROFILE.*\n.*$"
    wholes = page("mig-only", edited=(two_lines, r"\1} 0.0"))

    assert coverage_faults(EXPORTER, counted(1, parts=4), wholes) == []


def test_accelerator_with_parts_is_not_counted_beside_them() -> None:
    whole = 'DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a30",device="nvidia0"} 4000'
    answer = page("two-models", edited=(r"^# TYPE DCGM_FI_DEV_FB_USED gauge$", rf"\g<0>\n{whole}"))

    assert coverage_faults(EXPORTER, counted(3), answer) == []
    assert "memory (DCGM_FI_DEV_FB_USED) has series of 3 accelerators, 4 are offered" in str(
        coverage_faults(EXPORTER, counted(4), answer)
    )


# -- several nodes ---------------------------------------------------------------------------------


def test_one_host_engine_for_all_nodes_is_seen_where_only_counts_are_published() -> None:
    nodes = [(counted(1, node=node), page("t4", node=node)) for node in ("a", "b")]

    assert [coverage_faults(EXPORTER, *node) for node in nodes] == [[], []]
    told = "{} offers 1 accelerators, and 0 of those that its exporter shows are its own: others"
    words = f"{told} are shown as those of {{}}: GPU-t"
    assert foreign_faults(EXPORTER, nodes) == [words.format("a", "b"), words.format("b", "a")]


def test_host_engine_of_a_node_whose_accelerators_are_published_is_seen_too() -> None:
    nodes = [(published("GPU-t"), page("t4")), (counted(1, node="b"), page("t4", node="b"))]

    (fault,) = foreign_faults(EXPORTER, nodes)
    assert fault.startswith("b offers 1 accelerators, and 0 of those that its exporter shows")


def test_nodes_with_accelerators_of_their_own_are_not_accused() -> None:
    other = page("t4", node="b", edited=("GPU-t", "GPU-u"))
    apart = [(counted(1, node="a"), page("t4", node="a")), (counted(1, node="b"), other)]
    # One exporter shows everybody's, and slices tell whose they are.
    told = [
        (published("GPU-t"), [*page("t4"), *other]),
        (counted(1, node="b"), other),
    ]
    # Node b has its own two beside what it shows of a.
    more = [
        (published("GPU-t"), page("t4")),
        (counted(1, node="b"), [*page("t4", node="b"), *other]),
    ]

    assert foreign_faults(EXPORTER, apart) == []
    assert foreign_faults(EXPORTER, told) == []
    assert foreign_faults(EXPORTER, more) == []


# -- another vendor, as its documents and public dumps have it -------------------------------------


@pytest.mark.parametrize("prefix", ["", "amd_"])
def test_exporter_of_amd_is_read_whatever_its_prefix(prefix: str) -> None:
    answer = (
        page("amd", edited=(r"^(# TYPE )?(?=gpu_)", rf"\g<1>{prefix}")) if prefix else page("amd")
    )

    assert coverage_faults(amd.EXPORTER, counted(2), answer) == []
    assert sensor_faults(amd.EXPORTER, counted(2), answer) == []
    assert set(sensors(amd.EXPORTER, answer)) == {"temperature", "power"}
    assert share(amd.EXPORTER, amd.EXPORTER.utilization, answer) == {
        "690000000001/0": 0.0,
        "690000000002/0": 0.97,
    }
    assert set(standing(amd.EXPORTER, counted(2), answer, answer)) == {
        "690000000001/0",
        "690000000002/0",
    }


def test_broken_exporter_of_amd_is_accused() -> None:
    missing = page("amd", edited=(r'^gpu_\w+\{.*gpu_id="1".*$', ""))
    hot = page("amd", edited=(r"^(gpu_junction_temperature.*) 36$", r"\1 -36"))

    assert len(coverage_faults(amd.EXPORTER, counted(2), missing)) == 2
    (fault,) = sensor_faults(amd.EXPORTER, counted(2), hot)
    assert "temperature (gpu_junction_temperature) of 690000000001/0 is -36" in fault
    nodes = [(counted(2, node=node), page("amd", node=node)) for node in ("a", "b")]
    assert len(foreign_faults(amd.EXPORTER, nodes)) == 2
