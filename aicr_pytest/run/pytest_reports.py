"""pytest's reports of our checks, made fit to be shown: terminal, JUnit and HTML are made of them.

A report is changed in place, and keeps its shape: plugins go on finding what they look for.
"""

import dataclasses
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.evidence.markup import clean_html

if TYPE_CHECKING:
    import pytest

    from aicr_pytest.evidence.door import Door

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
"""pytest colours levels of logs and differences; what else escapes is shown as such."""
_MARGIN = re.compile(r"E   |>   |    |")
"""What pytest puts before a line of source or of an error."""
_GROUP_MARGIN = re.compile(r"(?: *\| ?)?")
"""What Python puts before a line of an exception group."""
_LOCAL = re.compile(r"^(\w+) +=")
_CUT_FROM = 100
"""Characters, at least, that pytest keeps on both sides of the middle that it leaves out."""
_OF_OURS = frozenset({"aicr", "requirement", "level", "basis", "simulated"})
"""Properties that we made; the first holds JSON whose texts are clean."""


def clean_report(report: Any, door: "Door") -> None:
    """Clean a TestReport or CollectReport."""
    text = _as_pytest_says(door.text)
    report.longrepr = _longrepr(report.longrepr, door)
    report.sections = [(door.line(name), text(content)) for name, content in report.sections]
    more = vars(report)
    if "keywords" in more:
        report.keywords = {door.line(name): value for name, value in report.keywords.items()}
    if "wasxfail" in more:
        report.wasxfail = text(str(report.wasxfail))
    if "user_properties" in more:
        report.user_properties = [
            _property(name, value, door) for name, value in report.user_properties
        ]
    if more.get("context"):  # of a subtest
        said = more["context"]
        message = None if said.msg is None else door.line(said.msg)
        report.context = dataclasses.replace(said, msg=message, kwargs=door.value(said.kwargs))
    if more.get("extras"):
        report.extras = [_extra(extra, door) for extra in report.extras]


def clean_repr(longrepr: Any, door: "Door") -> None:
    """Clean the representation of an exception; one without entries stays as it is."""
    _longrepr(longrepr, door)


def clean_warning(message: warnings.WarningMessage, line: str, door: "Door") -> None:
    """Clean a warning and the line of source that is shown with it."""
    if (words := door.text(str(message.message))) != str(message.message):
        message.message = Warning(words)
    if (shown := door.line(line)) != line:
        message.line = shown


def rename(items: Sequence["pytest.Item"], door: "Door") -> None:
    """Give checks names that may be shown: parameters become part of ids, files and folders.

    Where its file was named and lies outside of the rootdir, pytest leaves it out of the id.
    """
    taken: Counter[tuple[Any, str]] = Counter()
    for item in items:
        if not item.id.path:
            item._id = dataclasses.replace(item.id, path=item.path.name)
        params = item.id.params
        shown = door.line(item.name if params is None else params)
        if shown in (params, item.name):
            continue
        taken[item.parent, shown] += 1
        if (count := taken[item.parent, shown]) > 1:
            shown = f"{shown}-{count}"
        if params is None:
            item._id = dataclasses.replace(item.id, names=(*item.id.names[:-1], shown))
            item.name = shown
        else:
            item._id = dataclasses.replace(item.id, params=shown)
            item.name = f"{item.name.removesuffix(f'[{params}]')}[{shown}]"


def _longrepr(longrepr: Any, door: "Door") -> Any:
    text = _as_pytest_says(door.text)
    if longrepr is None:
        return None
    if isinstance(longrepr, tuple):
        path, line, reason = longrepr
        return door.line(str(path)), line, text(str(reason))
    if not hasattr(longrepr, "reprtraceback"):
        return text(str(longrepr))  # pytest-xdist makes the same of it
    parts = getattr(longrepr, "chain", None) or [(longrepr.reprtraceback, longrepr.reprcrash, None)]
    for traceback, crash, _ in parts:
        _traceback(traceback, door)
        _location(crash, door)
    longrepr.sections = [
        (door.line(n), text(content), sep) for n, content, sep in longrepr.sections
    ]
    return longrepr


def _traceback(traceback: Any, door: "Door") -> None:
    if traceback.extraline:
        traceback.extraline = door.text(traceback.extraline)
    for entry in traceback.reprentries:
        if entry.style == "native":
            lines = "".join(entry.lines).split("\n")
            entry.lines = ["\n".join(_lines(lines, _GROUP_MARGIN, door))]
            continue
        entry.lines = _lines(entry.lines, _MARGIN, door)
        _location(entry.reprfileloc, door)
        if entry.reprfuncargs:
            entry.reprfuncargs.args = [
                (n, _argument(n, v, door)) for n, v in entry.reprfuncargs.args
            ]
        if entry.reprlocals:
            # pytest aligns them, and so many spaces stand between a name and its value.
            told = "\n".join(_LOCAL.sub(r"\1 =", line) for line in entry.reprlocals.lines)
            entry.reprlocals.lines = _as_pytest_says(door.text)(told).split("\n")


def _lines(lines: Sequence[str], margin: re.Pattern[str], door: "Door") -> list[str]:
    """Lines of one margin are one text: a key of several lines is recognised only as a whole."""
    clean: list[str] = []
    split = [_split(_COLOUR.sub("", line), margin) for line in lines]
    # What is marked with > is in the middle of the source around it.
    for _, group in itertools.groupby(split, lambda pair: pair[0].replace(">", " ")):
        margins, texts = zip(*group, strict=True)
        kept = _as_pytest_says(door.text)("\n".join(texts)).split("\n")
        if len(kept) != len(margins):
            margins = (margins[0].replace(">", " "),) * len(kept)
        clean += map("".join, zip(margins, kept, strict=True))
    return clean


def _split(line: str, margin: re.Pattern[str]) -> tuple[str, str]:
    found = margin.match(line)
    before = found[0] if found else ""
    return before, line[len(before) :]


def _location(location: Any, door: "Door") -> None:
    if location is not None:
        location.path = door.line(location.path)
        # In CI pytest's summary shows messages whole: a line of theirs must not begin one of ours.
        location.message = _as_pytest_says(door.text)(location.message).replace("\n", "\n  ")


def _argument(name: str, value: object, door: "Door") -> str:
    """A value, seen together with its name: that may be all that tells what it is."""
    before = f"{name} = "
    return _as_pytest_says(door.line)(f"{before}{value}").removeprefix(before)


def _property(name: str, value: object, door: "Door") -> tuple[str, object]:
    if name in _OF_OURS:
        return name, value
    if isinstance(value, str):
        return door.line(name), _argument(name, value, door)
    return door.line(str(name)), door.value(value)


def _extra(extra: dict[str, Any], door: "Door") -> dict[str, Any]:
    """Something that pytest-html shows below a test."""
    content, kind = extra["content"], extra["format_type"]
    if kind == "html":
        content = clean_html(str(content), door.text)
    elif kind == "url":
        content = door.line(str(content))
    elif kind in ("text", "json"):
        content = door.value(content)
    return {**extra, "content": content, "name": extra["name"] and door.line(str(extra["name"]))}


def _as_pytest_says(clean: Callable[[str], str]) -> Callable[[str], str]:
    """Clean what pytest has coloured and cut; of a value that was cut the beginning is kept."""
    return lambda text: clean(_beginnings(_COLOUR.sub("", text)))


def _beginnings(text: str) -> str:
    """The text without what pytest shows of a value after leaving out its middle.

    Half a secret on either side of the cut is not recognised any more.
    """
    if "..." not in text:
        return text
    lines = []
    for line in text.split("\n"):
        cut = line.find("...", _CUT_FROM)
        if 0 <= cut < len(line) - _CUT_FROM:
            line = f"{line[: line.rfind(' ', 0, cut) + 1]}..."
        lines.append(line)
    return "\n".join(lines)
