"""Answers of metrics APIs keep the series by which a check judges, and no other labels."""

import json
from pathlib import Path

import pytest

from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.evidence.answers import reduce_answer, reduce_exposition
from aicr_pytest.evidence.foreign import LEFT_OUT
from aicr_pytest.evidence.kept_fields import is_known
from tests.unit.evidence.foreign_objects import FOREIGN, PLANTED, planted

EXAMPLE = Path(__file__).parents[3] / "reports" / "lab"
SERIES = {
    "__name__": "DCGM_FI_DEV_GPU_UTIL",
    "UUID": "GPU-1",
    "gpu": "0",
    "pod": "exporter-1",
    "exported_pod": "scaled-1",
    "label_team_token": planted("pod-label"),
    "project_id": planted("project"),
}
KEPT_SERIES = {name: value for name, value in SERIES.items() if PLANTED not in value}


def answer(result: object, kind: str = "vector") -> str:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


def test_series_keep_their_value_and_the_labels_that_are_known() -> None:
    text = reduce_answer(answer([{"metric": SERIES, "value": [1795494306.878, "95"]}]))

    told = json.loads(text)
    assert told["status"] == "success"
    assert told["data"]["result"] == [{"metric": KEPT_SERIES, "value": [1795494306.878, "95"]}]
    assert told[LEFT_OUT] == "data.result[].metric (2 of 7)"


def test_series_over_time_keep_their_values() -> None:
    series = {"metric": SERIES, "values": [[1, "2"], [3, "4"]]}

    told = json.loads(reduce_answer(answer([series], "matrix")))

    assert told["data"]["result"] == [{"metric": KEPT_SERIES, "values": [[1, "2"], [3, "4"]]}]


@pytest.mark.parametrize(
    "text",
    [
        answer([{"metric": KEPT_SERIES, "value": [1795494306.8, "0.10"]}]),
        answer([1795494306.8, "1"], "scalar"),
        answer([]),
        '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\""}',
        "no JSON at all",
        "",
        "[1, 2]",
        '"text"',
        "[" * 100_000,
    ],
)
def test_answer_without_anything_of_others_stays_verbatim(text: str) -> None:
    assert reduce_answer(text) == text


def test_what_a_prometheus_says_beside_is_left_out() -> None:
    said = {"status": "success", "warnings": [planted("a")], "data": {"stats": planted("b")}}

    assert PLANTED not in reduce_answer(json.dumps(said))


def test_answer_of_an_autoscalers_metrics_api_is_reduced_too() -> None:
    obj, _ = FOREIGN["MetricValueList"]

    told = json.loads(reduce_answer(json.dumps(obj)))

    assert told["items"] == [
        {"metricName": "gpu_utilization", "metricLabels": {"pod": "scaled-1"}, "value": "95"}
    ]


def test_answers_of_the_example_run_lose_nothing() -> None:
    texts = [path.read_text() for path in EXAMPLE.rglob("*.txt")]
    answers = [text for text in texts if text.startswith(('{"status":', '{"kind":"Metric'))]

    assert len(answers) >= 3
    assert not [text for text in answers if reduce_answer(text) != text]


EXPOSITION = """\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",pod="training",pod_label_key="pl4nted"} 95
DCGM_FI_DEV_GPU_UTIL{ pod_label_key = "pl4nted \\" } # {", UUID="GPU-2" , } 7 1795494306878
up 1
go_info{version="pl4nted"} 1
requests_total{pod="a"} 3 # {trace_id="pl4nted"} 1 1795494306.8
plain_total 3 # {trace_id="pl4nted"} 1
# EOF"""


def test_exposition_keeps_values_and_known_labels() -> None:
    assert reduce_exposition(EXPOSITION).split("\n") == [
        f"# {LEFT_OUT}: 3 kinds of labels that no proof needs",
        "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).",
        "# TYPE DCGM_FI_DEV_GPU_UTIL gauge",
        'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",pod="training"} 95',
        'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-2"} 7 1795494306878',
        "up 1",
        "go_info{} 1",
        'requests_total{pod="a"} 3',
        "plain_total 3",
        "# EOF",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# only comments\r\n",
        'a{pod="1"} 2\r\nb 3\r\n',
        '<html lang="en">an error page</html>',
        'a{pod="never closed',
        'a{pod=unquoted,key="x"} 1',
        'a{pod="1" key="x"} 1',
        "a{" * 50_000,
        'a{x="' + "\\" * 100_000,
    ],
)
def test_what_is_no_sample_stays_verbatim(text: str) -> None:
    assert reduce_exposition(text) == text


def test_expositions_of_the_example_run_lose_nothing() -> None:
    texts = [path.read_text() for path in EXAMPLE.rglob("*exposes-on*.txt")]

    assert texts
    assert not [text for text in texts if reduce_exposition(text) != text]


def test_labels_that_decide_are_known() -> None:
    exporters = [profile.exporter for profile in PROFILES if profile.exporter]
    wanted = {"__name__", "le", "namespace", "pod", "exported_namespace", "exported_pod"}
    wanted |= {"kubernetes_namespace", "kubernetes_pod_name", "instance", "model_name", "pod_name"}
    for exporter in exporters:
        wanted |= {exporter.identity_label, exporter.index_label, *exporter.instance_labels}

    assert exporters
    assert not [name for name in wanted if not is_known("@series", name)]
