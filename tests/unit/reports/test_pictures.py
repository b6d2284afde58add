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
