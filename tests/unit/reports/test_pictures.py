"""One picture per requirement: drawn from what is recorded, and harmless whatever that is."""

import re
from pathlib import Path

import pytest

from aicr_pytest.evidence.picture import Picture
from aicr_pytest.reports.page import AT_A_GLANCE
from aicr_pytest.reports.pictures import draw
from aicr_pytest.reports.pictures.canvas import Line, fitted
from tests.unit.reports import gallery
from tests.unit.reports.gallery import DENIED, GRID, LANES, OPENED, OWN, SHARES, Gallery
from tests.unit.reports.sample import HOSTILE
from tests.unit.test_house import AUTOMATED

GRID_COLUMNS = ("who", "device", "expected", "seen")
COMPARED = ("expected", "seen")


def glances(page: Path) -> list[str]:
    return re.findall(r'<figure class="glance.*?</figure>', page.read_text("utf-8"), re.DOTALL)


def test_every_requirement_with_checks_has_its_picture(tmp_path: Path) -> None:
    shown = glances(gallery.make(tmp_path / "out"))

    assert set(AT_A_GLANCE) == set(AUTOMATED)
    assert len(shown) == len(AT_A_GLANCE)
    assert all("<svg" in one or "data:image/svg+xml" in one for one in shown)
    assert all("The same as a table" in one and "<td" in one for one in shown)


def test_grids_of_all_checks_make_one_picture(tmp_path: Path) -> None:
    picture = glances(gallery.make(tmp_path / "out"))[1]
    drawing = re.findall(r"<svg.*?</svg>", picture, re.DOTALL)

    assert len(drawing) == 1
    assert [who in drawing[0] for who in ("holder", "rival", "bystander")] == [True] * 3
    assert drawing[0].count("✓ own") == 1, "what two checks saw of one is drawn once"


def test_who_opens_a_strange_device_is_drawn_as_bad_though_others_saw_it_denied(
    tmp_path: Path,
) -> None:
    run = Gallery(tmp_path / "out")
    for name, row in (("test_a", OPENED), ("test_b", DENIED)):
        run.drawn(
            "secure_accelerator_access", GRID, GRID_COLUMNS, [OWN, row], compare=COMPARED, name=name
        )

    assert "✗ opened" in glances(run.publish())[0]


def test_a_check_that_fell_short_lends_its_picture(tmp_path: Path) -> None:
    run = Gallery(tmp_path / "out")
    for name, seen, outcome in (("test_a", 97.0, "failed"), ("test_b", 80.0, "passed")):
        run.drawn(
            "ai_inference", SHARES, ("backend", "min", "max", "%"), [("first", 75, 85, seen)],
            name=name, outcome=outcome,  # type: ignore[arg-type]  # one of the words
        )  # fmt: skip

    picture = glances(run.publish())[0]
    assert "✗ 97" in picture
    assert "#ai_inference.test_a" in picture


@pytest.mark.parametrize("cell", ["", "much", "nan", "inf", "1e300", HOSTILE])
def test_rows_that_cannot_be_drawn_stay_a_table(tmp_path: Path, cell: str) -> None:
    run = Gallery(tmp_path / "out")
    columns = ("backend", "min", "max", "%")
    run.drawn("ai_inference", SHARES, columns, [("first", 75, 85, cell)])
    page = run.publish()

    assert glances(page) == []
    assert "The table of test_picture" in page.read_text("utf-8")


@pytest.mark.parametrize("picture", gallery.KINDS, ids=lambda one: one.kind)
def test_hostile_words_are_text_in_a_picture(picture: Picture) -> None:
    numbers = {"value", "low", "high", "before", "after", "start", "end"}
    parts = {part: "1" if part in numbers else HOSTILE for part in picture.parts}

    drawing = draw(picture.kind, HOSTILE, [Line(parts=parts, agrees=False)])

    assert drawing
    assert not re.search(r"<script|<img|\x1b|\x00|\u202e", drawing)
    assert set(re.findall(r"<(\w+)", drawing)) <= {
        "svg", "text", "title", "rect", "path", "circle",
    }  # fmt: skip


def test_a_picture_stays_small_whatever_the_rows() -> None:
    line = Line(parts=dict.fromkeys(LANES.parts, "5") | {"name": "x" * 1_000_000}, agrees=None)

    assert len(draw("lanes", "many", [line] * 1000)) < 200_000


def test_a_kind_of_the_future_is_not_drawn() -> None:
    assert draw("hologram", "x", [Line(parts={}, agrees=None)]) == ""


def test_names_lose_their_middle() -> None:
    assert fitted("GPU-5c1f5d2e-3f0b-4c57-9a55-0f2d3a6b7c81", 160) == "GPU-5c1f5d2e-…6b7c81"
    assert fitted("short", 160) == "short"


def test_a_picture_of_columns_that_are_not_there_is_refused(tmp_path: Path) -> None:
    evidence = Gallery(tmp_path / "out").check("dra_support", "test_x")

    with pytest.raises(ValueError, match=r"the picture names no column: \['device'"):
        evidence.table("t", ("who",), [], source="s", picture=GRID)


def texts(kind: str, *rows: dict[str, str], agrees: bool | None = None) -> list[str]:
    """The words of a picture, in their order."""
    drawing = draw(kind, "title", [Line(parts=row, agrees=agrees) for row in rows])
    return re.findall(r"<text[^>]*>(?:<title>.*?</title>)?(.*?)</text>", drawing)


def lane(name: str, start: str = "", end: str = "") -> dict[str, str]:
    return {"name": name, "start": start, "end": end}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (lane("gang-0"), "never"),
        (lane("gang-0", "4.49"), "from 4.5 s on"),
        (lane("blocker", "0.00", "1.34"), "from 0.0 s to 1.3 s"),
        (lane("node new", "-0.20", "2"), "from -0.2 s to 2.0 s"),
        (lane("at once", "0", "0"), "from 0.0 s to 0.0 s"),
    ],
)
def test_a_lane_says_from_when_to_when(row: dict[str, str], words: str) -> None:
    assert texts("lanes", row)[-2:] == [row["name"], words]


@pytest.mark.parametrize(("moment", "last"), [("0.4", "1 s"), ("9", "10 s"), ("41.6", "50 s")])
def test_the_axis_of_lanes_ends_behind_the_last_moment(moment: str, last: str) -> None:
    ticks = [text for text in texts("lanes", lane("pod", "0", moment)) if text.endswith(" s")]

    assert ticks[0] == "0 s"
    assert last in ticks


def test_lanes_share_one_axis_so_that_who_came_later_begins_further_right() -> None:
    rows = [lane("rival-a", "0", "5"), lane("rival-b", "5", "10")]
    drawing = draw("lanes", "title", [Line(parts=row, agrees=None) for row in rows])
    boxes = re.findall(r'<rect class="span" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawing)

    (first, long), (second, _) = [(float(x), float(width)) for x, width in boxes]
    assert first + long == pytest.approx(second, abs=0.2)


@pytest.mark.parametrize(
    ("agrees", "words"), [(True, "→ ✓ denied"), (False, "→ ✗ denied"), (None, "→ denied")]
)
def test_twins_say_whether_the_answer_was_the_expected_one(agrees: bool | None, words: str) -> None:
    row = {"name": "flawed", "differs": "two groups of one name", "answer": "denied"}

    assert texts("twins", row, agrees=agrees) == ["flawed", "two groups of one name", words]


def test_twins_stand_side_by_side_and_a_third_below() -> None:
    row = {"name": "x", "differs": "y", "answer": "z"}
    drawing = draw("twins", "title", [Line(parts=row, agrees=True)] * 3)
    places = re.findall(r'<rect class="[^"]*" x="([\d.]+)" y="([\d.]+)"', drawing)

    assert [y for _, y in places] == ["0.0", "0.0", "116.0"]
    assert places[0][0] == places[2][0] != places[1][0]
