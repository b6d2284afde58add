"""What the dossier shows of each check, and where: the proof open, the rest a click away."""

import dataclasses
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from aicr_pytest.evidence.names import folder_name
from aicr_pytest.evidence.record import Observation
from aicr_pytest.reports.pictures import draw
from aicr_pytest.reports.preview import Preview, Previews
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

TIMELINE = "timeline"
"""A picture that the evidence holds as one."""

AT_A_GLANCE: dict[str, str] = {
    "dra_support": "chain",
    "ai_inference": "shares",
    "gang_scheduling": "lanes",
    "cluster_autoscaling": "lanes",
    "pod_autoscaling": TIMELINE,
    "accelerator_metrics": TIMELINE,
    "ai_service_metrics": "change",
    "secure_accelerator_access": "grid",
    "robust_controller": "twins",
}
"""The kind of picture that shows a requirement's proof."""

_WHOLE = frozenset({"grid"})
"""Kinds of which the tables of all checks make one picture."""

_SHORT_LINES, _SHORT_BYTES = 12, 1600
"""An answer up to this length is a proof that is read at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One observation on the page."""

    observation: Observation
    """As recorded."""
    preview: Preview
    """What of it is shown."""
    anchor: str
    """Its place on the page."""
    cited: bool
    """It was taken for an earlier check, where it is shown, too."""
    open: bool
    """Shown without a click."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One check on the page."""

    check: CheckView
    """What came of it."""
    anchor: str
    """Its place on the page."""
    tables: tuple[Shown, ...]
    """What was compared and measured."""
    others: tuple[Shown, ...]
    """The other observations, those first that are the proof."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The picture of a requirement."""

    title: str
    """What it shows."""
    drawing: Markup
    """Inline SVG; empty for a timeline."""
    image: str
    """A timeline as ``data:`` URL; empty for a drawing."""
    numbers: tuple[Preview, ...]
    """Tables of the numbers in it."""
    anchor: str
    """The check that it comes from."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One requirement on the page."""

    requirement: RequirementView
    """With its verdict."""
    anchor: str
    """Its place on the page."""
    glance: Glance | None
    """None where no check kept what would be drawn."""
    articles: tuple[Article, ...]
    """Its checks, in their order."""


def sections(view: RunView) -> list[Section]:
    """All requirements of a run, for one page."""
    pages = _Page(Previews(view.directory))
    return [pages.section(requirement) for requirement in view.requirements]


class _Page:
    def __init__(self, previews: Previews) -> None:
        self._previews = previews
        self._places: dict[str, str] = {}

    def section(self, requirement: RequirementView) -> Section:
        name = folder_name(requirement.result.id)
        articles = tuple(self._article(name, check) for check in requirement.checks)
        kind = AT_A_GLANCE.get(requirement.result.id, "")
        return Section(
            requirement=requirement,
            anchor=name,
            glance=_glance(kind, articles) if kind else None,
            articles=articles,
        )

    def _article(self, requirement: str, check: CheckView) -> Article:
        folder = f"{requirement}/{folder_name(check.result.check)}/"
        anchor = f"{requirement}.{folder_name(check.result.check)}"
        shown = [
            self._shown(one, f"{anchor}.{number}", folder)
            for number, one in enumerate(check.kept.observations, 1)
        ]
        tables = [one for one in shown if one.preview.table and one.observation.kind == "table"]
        others = [one for one in shown if one not in tables]
        if others and not tables and not check.kept.facts and not any(one.open for one in others):
            # Nothing else speaks for it: what was seen last is what was judged.
            others[-1] = dataclasses.replace(others[-1], open=True)
        return Article(
            check=check,
            anchor=anchor,
            tables=tuple(tables),
            others=tuple(sorted(others, key=lambda one: not one.open)),
        )

    def _shown(self, observation: Observation, anchor: str, folder: str) -> Shown:
        preview = self._previews.of(observation)
        first = self._places.setdefault(observation.file, anchor) if observation.file else anchor
        cited = bool(observation.file) and not observation.file.startswith(folder)
        return Shown(
            observation=observation,
            preview=preview,
            anchor=first if cited else anchor,
            cited=cited and first != anchor,
            open=bool(preview.image) or _is_short(preview),
        )


def _is_short(preview: Preview) -> bool:
    text = preview.text
    return bool(text) and len(text) <= _SHORT_BYTES and text.count("\n") <= _SHORT_LINES


def _glance(kind: str, articles: Sequence[Article]) -> Glance | None:
    """The picture of a requirement: of a check that fell short, else of the last that has one."""
    found = [
        (article, one)
        for article in articles
        for one in (*article.tables, *article.others)
        if _is_drawn_as(kind, one)
    ]
    short = [pair for pair in found if pair[0].check.outcome != "passed"]
    for article, one in [*short, *reversed(found)]:
        same = [pair[1] for pair in found] if kind in _WHOLE else [one]
        if kind == TIMELINE:
            return Glance(
                title=one.observation.title,
                drawing=Markup(),
                image=one.preview.image,
                numbers=tuple(_numbers(one, article.others)),
                anchor=article.anchor,
            )
        tables = [other.preview.table for other in same]
        lines = [line for table in tables if table for line in table.lines]
        title = _whole_title(same)
        if drawing := draw(kind, title, lines):
            return Glance(
                title=title,
                drawing=drawing,
                image="",
                numbers=tuple(other.preview for other in same),
                anchor=article.anchor,
            )
    return None


def _is_drawn_as(kind: str, one: Shown) -> bool:
    if kind == TIMELINE:
        return bool(one.preview.image) and not one.cited
    table = one.preview.table
    return table is not None and table.picture == kind and not one.cited


def _whole_title(same: Sequence[Shown]) -> str:
    if len(same) == 1:
        return same[0].observation.title
    return "What each container has of each device"


def _numbers(drawn: Shown, others: Iterable[Shown]) -> Iterable[Preview]:
    title = drawn.observation.title
    return (
        one.preview
        for one in others
        if one.observation.kind == "csv" and one.observation.title.startswith(title)
    )
