"""Credentials in tables, whose column's title says what they are: CSV, Markdown, a database's."""

import re

from aicr_pytest.evidence.redaction.sensitive_names import Sensitivity, looks_secret, sensitivity

MARK = "[redacted]"

_BREAK = r"(?:\r?\n|\\{1,15}n)"
_TITLES = re.compile(
    rf"(?:(?<![^\n\"'>])|(?<=\\n)|(?<=: ))[ \t]{{0,16}}+\|?[ ]{{0,16}}+"
    r"(?P<titles>[A-Za-z][\w -]{1,40}+(?P<between>[|,\t])[\w -]{1,40}+"
    r"(?:(?P=between)[\w -]{1,40}+){0,30}+)"
    rf"\|?[ \t]{{0,16}}(?={_BREAK})"
)
_ROW = re.compile(rf"{_BREAK}(?P<row>[^\n\r\\\"']{{2,2048}})")
_MOST_ROWS = 1000


def without_columns(text: str) -> str:
    """The text without what stands below a title that says that it is a credential."""
    if "|" not in text and "," not in text and "\t" not in text:
        return text
    kept: list[str] = []
    position = 0
    for head in _TITLES.finditer(text):
        titles = head["titles"].split(head["between"])
        secret = [
            place
            for place, title in enumerate(titles)
            if sensitivity(title.strip().replace(" ", "_")) is Sensitivity.CERTAIN
        ]
        if not secret or head.start() < position:
            continue
        at = head.end()
        for _ in range(_MOST_ROWS):
            row = _ROW.match(text, at)
            if row is None:
                break
            at = row.end()
            clean = _without_cells(row["row"], head["between"], secret, len(titles))
            if clean is None:
                continue
            kept += [text[position : row.start("row")], clean]
            position = at
    return "".join([*kept, text[position:]]) if kept else text


def _without_cells(row: str, between: str, secret: list[int], width: int) -> str | None:
    """The row without its credentials; None where it holds none."""
    framed = row.lstrip().startswith("|") and between == "|"
    cells = row.split(between)
    if len(cells) < width:
        return None
    found = False
    for place in secret:
        cell = cells[place + framed] if place + framed < len(cells) else ""
        if looks_secret(cell) and " " not in cell.strip():
            cells[place + framed] = cell.replace(cell.strip(), MARK)
            found = True
    return between.join(cells) if found else None
