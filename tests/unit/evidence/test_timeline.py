"""Samples over time become a CSV and a drawing that a stranger can read."""

import csv
import datetime
import io
import xml.etree.ElementTree as ET

import pytest

from aicr_pytest.evidence.drawing import draw, round_ticks
from aicr_pytest.evidence.timeline import Timeline

SVG = "{http://www.w3.org/2000/svg}"
BEGAN = datetime.datetime(2026, 11, 23, 20, 0, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    return BEGAN + datetime.timedelta(seconds=seconds)


def scaling() -> Timeline:
    timeline = Timeline(
        "Deployment load under load", {"metric": "%", "target": "%", "ready": "replicas"}
    )
    timeline.sample(at(0), metric=3.0, target=50.0, ready=1)
    timeline.sample(at(10), metric=None, target=50.0, ready=1)
    timeline.sample(at(20), metric=95.0, target=50.0, ready=2)
    timeline.mark(at(5), "load <on>")
    timeline.mark(at(12), "=HYPERLINK(1)")
    return timeline


def texts(timeline: Timeline) -> list[str]:
    root = ET.fromstring(draw(timeline))
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_csv_has_a_row_per_moment_in_the_order_of_time() -> None:
    rows = list(csv.reader(io.StringIO(scaling().csv())))

    assert rows[0] == ["time", "seconds", "metric (%)", "target (%)", "ready (replicas)", "mark"]
    assert [row[1] for row in rows[1:]] == ["0.0", "5.0", "10.0", "12.0", "20.0"]
    assert rows[1][2:5] == ["3", "50", "1"]
    assert rows[2][2:] == ["", "", "", "load <on>"]
    assert rows[3][2] == ""


def test_mark_becomes_no_formula_in_a_spreadsheet() -> None:
    assert "'=HYPERLINK(1)" in scaling().csv()


def test_drawing_names_title_units_series_and_marks() -> None:
    shown = texts(scaling())

    for text in ("Deployment load under load", "%", "replicas", "metric", "target", "ready"):
        assert text in shown
    assert any("load <on>" in text for text in shown)
    assert any(text.startswith("seconds since 20:00:00") for text in shown)


def test_drawing_reads_on_light_and_on_dark_ground_without_script() -> None:
    svg = draw(scaling())

    assert "prefers-color-scheme:dark" in svg
    assert "<script" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_series_ends_where_there_was_no_value() -> None:
    paths = [path.get("d", "") for path in ET.fromstring(draw(scaling())).iter(f"{SVG}path")]

    (metric,) = [d for d in paths if d.count("M") == 2]
    assert metric.count("V") == 0


def test_moments_of_one_series_do_not_cut_another() -> None:
    timeline = Timeline("two", {"a": "s", "b": "s"})
    timeline.sample(at(0), a=1)
    timeline.sample(at(1), b=1)
    timeline.sample(at(2), a=2)

    paths = [path.get("d", "") for path in ET.fromstring(draw(timeline)).iter(f"{SVG}path")]
    assert any(d.count("M") == 1 and "V" in d and "H876.0" in d for d in paths)


def test_timeline_without_samples_says_so() -> None:
    assert "no samples" in texts(Timeline("nothing", {"metric": "%"}))


def test_single_sample_can_be_drawn() -> None:
    timeline = Timeline("one", {"metric": "%"})
    timeline.sample(at(0), metric=0.0)

    assert "metric" in texts(timeline)


def test_the_same_mark_is_noted_once() -> None:
    timeline = Timeline("marks", {})
    timeline.mark(at(1), "Scaled")
    timeline.mark(at(1), "Scaled")

    assert len(timeline.marks) == 1


def test_series_without_a_unit_is_refused() -> None:
    with pytest.raises(KeyError, match="watts"):
        Timeline("x", {"metric": "%"}).sample(at(0), watts=1.0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 100.0, [0, 20, 40, 60, 80, 100]),
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.0, 2.0, [0, 0.5, 1, 1.5, 2]),
        (-3.0, 4.0, [-4, -2, 0, 2, 4]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert list(round_ticks(low, high)) == expected


def test_what_is_counted_has_no_halves_on_its_axis() -> None:
    assert "1.5" not in texts(scaling())
    assert round_ticks(0, 2, finest=1.0) == [0, 1, 2]


ODD = [
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    -1e308,
    5e-324,
    -5e-324,
    0.0,
    -0.0,
    10**30,
]


@pytest.mark.parametrize("first", ODD)
@pytest.mark.parametrize("second", [*ODD, None, 3.0])
def test_no_number_ends_the_drawing(first: float, second: float | None) -> None:
    timeline = Timeline("odd", {"metric": "%"})
    timeline.sample(at(0), metric=first)
    timeline.sample(at(1), metric=second)

    assert "nan" not in draw(timeline)
    assert "inf" not in draw(timeline)
    assert len(timeline.csv().splitlines()) == 3


def test_what_is_no_number_is_a_gap_in_the_drawing_and_told_in_the_numbers() -> None:
    timeline = Timeline("odd", {"metric": "%"})
    for second, value in enumerate((1.0, float("nan"), 2.0, float("inf"), 3.0, float("-inf"))):
        timeline.sample(at(second), metric=value)

    paths = [path.get("d", "") for path in ET.fromstring(draw(timeline)).iter(f"{SVG}path")]
    (metric,) = [d for d in paths if d.count("M") == 3]
    assert metric.count("H") == 3
    assert [line.split(",")[2] for line in timeline.csv().splitlines()[1:]] == [
        "1",
        "NaN",
        "2",
        "+Inf",
        "3",
        "-Inf",
    ]


def test_words_of_a_timeline_are_cleaned_before_they_are_drawn() -> None:
    timeline = scaling().said_by(lambda text: text.replace("load", "<&>"))

    assert "Deployment <&> under <&>" in texts(timeline)
    assert "load" not in timeline.csv()
