"""A timeline as SVG: no script, no font, no network; readable on light and on dark ground."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from aicr_pytest.evidence.timeline import Timeline

_WIDTH = 900
_LEFT, _RIGHT = 64, 24
_TOP = 46
_PANEL, _GAP = 120, 46
_LONGEST = 105
"""Characters of a mark; the whole text is in the numbers."""
_LINE = 17
"""Pixels from one line of text to the next."""
_LARGEST = 1e100
"""Of values that are drawn; with larger ones, and with the inverse, floats run out on the axis."""
_COLOURS = 6
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "12 4")
"""Colour alone must not tell series apart."""

# The palette of Okabe and Ito, which colour-blind readers can tell apart; lighter on dark ground.
_STYLE = """\
:root{color-scheme:light dark}
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1c2126}
.ground{fill:#fff}.soft{fill:#59636e}.title{font-size:14px;font-weight:600}
.axis{stroke:#8a939d;fill:none}.grid{stroke:#e3e6e9;fill:none}
.mark{stroke:#8a939d;stroke-dasharray:2 3}
.flag{fill:#59636e}.number{font-size:10px;fill:#fff;text-anchor:middle}
.series{fill:none;stroke-width:2;stroke-linejoin:round}
.end{text-anchor:end}.middle{text-anchor:middle}
.c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#00795a}
.c3{stroke:#a6467f}.c4{stroke:#9a6700}.c5{stroke:#3b6fd4}
@media (prefers-color-scheme:dark){
text{fill:#e6e9ec}.ground{fill:#16191d}.soft{fill:#a3acb5}.axis{stroke:#7b858f}.grid{stroke:#2c3238}
.mark{stroke:#7b858f}.flag{fill:#a3acb5}.number{fill:#16191d}
.c0{stroke:#56b4e9}.c1{stroke:#ff9a4d}.c2{stroke:#3fcf9f}
.c3{stroke:#e58bc0}.c4{stroke:#f0c24b}.c5{stroke:#9db8ff}
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From values to pixels, linearly."""

    low: float
    high: float
    start: float
    end: float

    def of(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw(timeline: Timeline) -> str:
    """The SVG of a timeline; one without samples says so."""
    panels = list(dict.fromkeys(timeline.units.values()))
    marks = sorted(timeline.marks, key=lambda mark: mark.at)
    plots = _TOP + len(panels) * (_PANEL + _GAP)
    bottom = plots - _GAP + 18
    height = bottom + 40 + _LINE * (len(marks) + 1 if marks else 0)
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img">'
        ),
        f"<title>{escape(timeline.title)}</title><style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="22">{escape(timeline.title)}</text>',
    ]
    if not timeline.points:
        out.append(f'<text class="soft" x="{_LEFT}" y="{_TOP + 20}">no samples</text></svg>')
        return "\n".join(out)
    moments = timeline.moments()
    began, last = moments[0].at, moments[-1].at
    x = _Scale(
        low=0.0,
        high=max(1.0, (last - began).total_seconds()),
        start=_LEFT,
        end=_WIDTH - _RIGHT,
    )
    for index, unit in enumerate(panels):
        out += _panel(timeline, unit, _TOP + 18 + index * (_PANEL + _GAP), x, began)
    out += _time_axis(x, bottom + 18, began)
    out += _marks(timeline, x, began, bottom)
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _panel(
    timeline: Timeline, unit: str, top: float, x: _Scale, began: datetime.datetime
) -> list[str]:
    names = [name for name, its in timeline.units.items() if its == unit]
    values = [
        value
        for point in timeline.points
        for name in names
        if (value := _drawable(point.values.get(name))) is not None
    ]
    whole = all(value.is_integer() for value in values)
    least, most = min([0.0, *values]), max([*values, 0.0]) or 1.0
    ticks = round_ticks(least, most, finest=1.0 if whole else 0.0)
    y = _Scale(low=ticks[0], high=ticks[-1], start=top + _PANEL, end=top)
    out = []
    for tick in ticks:
        at = y.of(tick)
        out.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}"/>')
        out.append(f'<text class="soft end" x="{_LEFT - 8}" y="{at + 4:.1f}">{tick:g}</text>')
    out.append(f'<path class="axis" d="M{_LEFT} {top}V{top + _PANEL}H{_WIDTH - _RIGHT}"/>')
    out.append(f'<text class="soft end" x="{_LEFT - 8}" y="{top - 10}">{escape(unit)}</text>')
    across = float(_LEFT)
    for index, name in enumerate(names):
        kind = f'class="series c{index % _COLOURS}" stroke-dasharray="{_DASHES[index % _COLOURS]}"'
        out.append(f'<path {kind} d="M{across:.0f} {top - 14}h26"/>')
        out.append(f'<text x="{across + 32:.0f}" y="{top - 10}">{escape(name)}</text>')
        across += 52 + 6.6 * len(name)
        if path := _steps(timeline, name, x, y, began):
            out.append(f'<path {kind} d="{path}"/>')
    return out


def _steps(timeline: Timeline, name: str, x: _Scale, y: _Scale, began: datetime.datetime) -> str:
    """A value holds until the next one is seen; where there is none, the line ends."""
    path: list[str] = []
    drawing = False
    for point in sorted(timeline.points, key=lambda one: one.at):
        if name not in point.values:
            continue
        at = x.of((point.at - began).total_seconds())
        value = _drawable(point.values[name])
        if value is None:
            path += [f"H{at:.1f}"] if drawing else []
            drawing = False
        elif drawing:
            path.append(f"H{at:.1f}V{y.of(value):.1f}")
        else:
            path.append(f"M{at:.1f} {y.of(value):.1f}")
            drawing = True
    return "".join(path)


def _drawable(value: float | None) -> float | None:
    """A value that has a place on an axis; None where there is none, and the line has a gap.

    Prometheus gives NaN and both infinities for what it cannot compute.
    """
    if value is None or not -_LARGEST <= value <= _LARGEST:  # NaN compares with nothing
        return None
    return float(value) if abs(value) >= 1 / _LARGEST else 0.0


def _time_axis(x: _Scale, at: float, began: datetime.datetime) -> list[str]:
    out = [
        f'<text class="soft middle" x="{x.of(tick):.1f}" y="{at}">{tick:g} s</text>'
        for tick in round_ticks(0.0, x.high)
        if tick <= x.high
    ]
    return [
        *out,
        (
            f'<text class="soft end" x="{_WIDTH - _RIGHT}" y="{at + 18}">seconds since '
            f"{began:%H:%M:%S} UTC</text>"
        ),
    ]


def _marks(timeline: Timeline, x: _Scale, began: datetime.datetime, bottom: float) -> list[str]:
    out = []
    for number, mark in enumerate(sorted(timeline.marks, key=lambda one: one.at), 1):
        seconds = (mark.at - began).total_seconds()
        at = x.of(seconds)
        # Flags of neighbours step down, so that they do not hide each other.
        flag = _TOP + 24 + 15 * ((number - 1) % 6)
        out.append(f'<path class="mark" d="M{at:.1f} {_TOP + 18}V{bottom}"/>')
        out.append(f'<circle class="flag" cx="{at:.1f}" cy="{flag}" r="7"/>')
        out.append(f'<text class="number" x="{at:.1f}" y="{flag + 3.5}">{number}</text>')
        line = bottom + 48 + _LINE * (number - 1)
        text = mark.text if len(mark.text) <= _LONGEST else f"{mark.text[:_LONGEST]}…"
        out.append(
            f'<text x="{_LEFT}" y="{line}"><tspan class="soft">{number}  at {seconds:.0f} s:'
            f"</tspan> {escape(text)}</text>"
        )
    return out


def round_ticks(low: float, high: float, about: int = 5, *, finest: float = 0.0) -> Sequence[float]:
    """Round numbers from at or below ``low`` to at or above ``high``, ``finest`` apart or more."""
    raw = max((high - low) / about, finest)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * number, 10) for number in range(first, last + 1)]
