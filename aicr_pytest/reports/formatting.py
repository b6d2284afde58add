"""How reports write numbers, times and names."""

import re
from typing import Literal

from aicr_pytest.evidence.record import Basis, Outcome
from aicr_pytest.evidence.run import Verdict

Tone = Literal["good", "bad", "unsure", "unknown", "quiet"]
"""Chooses a colour; never the only sign, a symbol and a word stand beside it."""

VERDICTS: dict[Verdict, tuple[str, Tone]] = {
    "Implemented": ("✓", "good"),
    "Not Implemented": ("✗", "bad"),
    "Inconclusive": ("?", "unsure"),
    "Unknown": ("◇", "unknown"),
    "N/A": ("—", "quiet"),
}
"""Symbol and tone of each verdict."""

OUTCOMES: dict[Outcome, tuple[str, Tone]] = {
    "passed": ("✓", "good"),
    "failed": ("✗", "bad"),
    "absent": ("∅", "bad"),
    "inconclusive": ("?", "unsure"),
    "unknown": ("◇", "unknown"),
    "error": ("!", "unsure"),
    "skipped": ("—", "quiet"),
    "not applicable": ("—", "quiet"),
    "not run": ("○", "quiet"),
}
"""Symbol and tone of each outcome."""

BASES: dict[Basis, str] = {
    "text": "text: the requirement's own words; it decides the verdict.",
    "plan": "plan: the requirement's published test plan; it decides the verdict.",
    "hardening": "hardening: ours, beyond the requirement's words; a failure is a finding.",
}
"""Why a check counts, on each check."""

SIMULATED = "The accelerators of this cluster are simulated. Nothing here speaks for real hardware."
"""What every report of a simulated run says before anything else."""


def size(count: int) -> str:
    """``812 B``, ``12.4 KiB``."""
    if count < 1024:
        return f"{count} B"
    value, unit = count / 1024, "KiB"
    if value >= 1024:
        value, unit = value / 1024, "MiB"
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """``0.41 s``, ``4.2 s``, ``73 s``, ``3 min 05 s``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def moment(iso: str) -> str:
    """``2026-11-23 20:14:05 UTC``; what is no such time stays as it is."""
    parts = re.fullmatch(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z", iso)
    return f"{parts[1]} {parts[2]} UTC" if parts else iso


def time_of_day(iso: str) -> str:
    """``20:14:05 UTC``."""
    return moment(iso).partition(" ")[2] or iso


def words(name: str) -> str:
    """``schedulingOrchestration`` as ``scheduling orchestration``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def taken_out(kind: str) -> str:
    """What stands instead of what redaction took out, by its class in run.json."""
    if kind == "secret":
        return "credentials, keys and certificates: [redacted] stands instead, and why"
    return f"names: the same one is {kind}-… with the same digits in every file of this run"


def plural(count: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def counts(verdicts: list[Verdict]) -> list[tuple[Verdict, int]]:
    """How often each verdict was given, those that never were left out."""
    return [(verdict, verdicts.count(verdict)) for verdict in VERDICTS if verdict in verdicts]
