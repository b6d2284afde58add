"""Answers of metrics endpoints are parsed as what they claim to be, or refused in words."""

import pytest

from aicr_pytest.errors import InvalidExposition
from aicr_pytest.monitoring.exposition import is_blank, parse

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
GPU = """\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 93
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b"} NaN
"""


def test_prometheus_text_is_parsed() -> None:
    parsed = parse(GPU, TEXT)

    assert parsed.types == {"DCGM_FI_DEV_GPU_UTIL": "gauge"}
    assert [s.labels["UUID"] for s in parsed.samples] == ["GPU-a", "GPU-b"]
    assert parsed.samples[0].value == 93
    assert parsed.samples[0].at is None


def test_value_that_is_not_available_counts_as_none() -> None:
    assert [s.labels["UUID"] for s in parse(GPU, TEXT).named("DCGM_FI_DEV_GPU_UTIL")] == ["GPU-a"]


def test_text_without_a_version_is_prometheus_text() -> None:
    assert parse(GPU, "text/plain; charset=utf-8").samples


def test_openmetrics_is_parsed() -> None:
    parsed = parse("# TYPE requests counter\nrequests_total 3 1700000000\n# EOF\n", OPENMETRICS)

    assert parsed.samples[0].name == "requests_total"
    assert parsed.samples[0].at == 1700000000


@pytest.mark.parametrize("name", ["DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "requests_total", "energy"])
def test_counter_of_prometheus_text_keeps_the_name_that_was_sent(name: str) -> None:
    parsed = parse(f'# HELP {name} It.\n#  TYPE {name}  counter \n{name}{{gpu="0"}} 123456\n', TEXT)

    assert parsed.types == {name: "counter"}
    assert [(s.name, s.value) for s in parsed.named(name)] == [(name, 123456)]


def test_counters_that_differ_in_the_suffix_alone_are_two() -> None:
    parsed = parse("# TYPE x counter\nx 1\n# TYPE x_total counter\nx_total 2\n", TEXT)

    assert [(s.name, s.value) for s in parsed.samples] == [("x", 1), ("x_total", 2)]


def test_timestamps_of_prometheus_text_are_seconds() -> None:
    assert parse("up 1 1700000000000\n", TEXT).samples[0].at == 1700000000


@pytest.mark.parametrize(
    ("text", "content_type", "why"),
    [
        ("<html>busy</html>", "text/html", "claims text/html"),
        (GPU, "", "claims no content type"),
        (GPU, "application/json", "claims application/json"),
        ("<html><body>Not now</body></html>", TEXT, "parse|no metric"),
        ("<!doctype html>\n<p>x 1</p>\n", TEXT, "parse|no metric"),
        ("", TEXT, "not one sample"),
        ("# HELP up Is it.\n# TYPE up gauge\n", TEXT, "not one sample"),
        ("up 1\nup 2\n", TEXT, "comes twice"),
        ("up one\n", TEXT, "does not parse"),
        ("# TYPE requests counter\nrequests_total 3\n", OPENMETRICS, "does not parse"),
    ],
)
def test_what_is_no_exposition_is_refused(text: str, content_type: str, why: str) -> None:
    with pytest.raises(InvalidExposition, match=why):
        parse(text, content_type)


@pytest.mark.parametrize("text", ["", "\n", "# HELP x y\n# TYPE x gauge\n"])
def test_page_without_samples_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(text + "x 1\n")
