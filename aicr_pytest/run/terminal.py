"""What a run says on the terminal: header, plan, summary; ``live`` is what it says in between."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from aicr_pytest import __version__

if TYPE_CHECKING:
    import pytest

    from aicr_pytest.evidence.door import Door
    from aicr_pytest.run.conclusion import Conclusion
    from aicr_pytest.run.plan import Plan
    from aicr_pytest.run.session import Run

_LINE_LENGTH = 4000
"""Characters of other lines; a verdict's reason holds the message of a check."""
_MOST_LINES = 8
"""Lines that a message has below a verdict's reason."""

_COLOURS = {
    "Implemented": {"green": True},
    "N/A": {"green": True},
    "Not Implemented": {"red": True, "bold": True},
    "Inconclusive": {"yellow": True},
    "Unknown": {"yellow": True},
}


class Terminal:
    """pytest's terminal, where there is one; says nothing in workers and without the plugin.

    Whatever is said here is somebody else's text in part: it passes the door.

    Args:
        config: pytest's.
        door: asked for when there is something to say, for what it needs is not known before.
    """

    def __init__(self, config: "pytest.Config", door: "Callable[[], Door]") -> None:
        self._config = config
        self._door = door
        self._has_overwritten = False

    @property
    def reporter(self) -> Any:
        """pytest's reporter, None without one; looked up late, for it is registered after us."""
        if hasattr(self._config, "workerinput"):
            return None
        return self._config.pluginmanager.get_plugin("terminalreporter")

    @property
    def is_interactive(self) -> bool:
        """Whether a line can be overwritten."""
        reporter = self.reporter
        return reporter is not None and bool(reporter.hasmarkup)

    def say(self, line: str = "", **markup: bool) -> None:
        """One line, past pytest's capture."""
        reporter = self.reporter
        if reporter is None:
            return
        with self.uncaptured():
            reporter.ensure_newline()
            # What xdist has written there; what was overwritten only looks as if it stood there.
            if self.is_line_open and not self._has_overwritten:
                reporter.write("\n")
            reporter.write_line(self.safe(line), **markup)
            reporter.flush()

    def safe(self, line: str, most: int = _LINE_LENGTH) -> str:
        """A line as it may be shown."""
        return self._door().line(line, most)

    @property
    def is_line_open(self) -> bool:
        """Whether something stands on the current line."""
        # Negative where a line was overwritten.
        return self._config.get_terminal_writer().width_of_current_line != 0

    def overwrite(self, lines: "Sequence[str]", over: int, *, anew: bool = False) -> None:
        """Put lines in place of earlier ones; the last stays open. For interactive terminals.

        Args:
            over: how many lines they replace.
            anew: whether others have written since; what they left open stays.
        """
        reporter = self.reporter
        if reporter is None:
            return
        columns, rows = shutil.get_terminal_size()
        width, most = max(20, columns - 1), max(1, rows - 1)
        shown = [self._door().line(line, most=width) for line in lines[:most]]
        with self.uncaptured():
            reporter.ensure_newline()
            if anew and self.is_line_open:
                reporter.write("\n")
            up = f"\x1b[{over - 1}A" if over > 1 else ""
            self._has_overwritten = True
            reporter.write(f"{up}\r\x1b[J" + "\n".join(shown))
            reporter.flush()

    @contextmanager
    def uncaptured(self) -> Iterator[None]:
        """Let what is written here reach the terminal, also in the middle of a test."""
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            yield


def header(run: "Run") -> list[str]:
    """What is looked at, before anything is created."""
    from aicr_pytest.requirements.catalogue import list_told

    cluster = run.cluster
    name = run.shared.description or f"context {cluster.context}"
    lines = [
        f"aicr-pytest {__version__}, run {run.run_id}",
        f"cluster: {name}, {cluster.server}, Kubernetes {cluster.version()}",
    ]
    if run.simulated:
        lines.append("SIMULATED: the accelerators of this cluster are not real")
    sampled = run.survey.lines()
    lines += [f"accelerators: {line}" for line in sampled[:8]]
    if len(sampled) > 8:
        lines.append(f"accelerators: … and {len(sampled) - 8} more nodes")
    lines += run.survey.remarks()
    lines.append(f"requirements: {list_told(cluster.version(), run.shared.list_version)}")
    if run.directory is not None:
        lines.append(f"evidence: {run.directory}")
    return lines


def plan_lines(plan: "Plan", list_version: str, workers: int = 1) -> list[str]:
    """What is going to happen.

    Args:
        workers: how many processes run checks side by side.
    """
    from aicr_pytest.requirements.catalogue import BY_ID

    names = ", ".join(f"{r} ({BY_ID[r].level(list_version)})" for r in plan.requirements)
    checks = len(plan.selected)
    held = plan.accelerators(workers)
    created = "; ".join(plan.creates) or "nothing"
    return [
        f"plan: {checks} check{'s' * (checks != 1)} of {names}",
        f"creates, and removes again: {created}",
        f"holds up to {held} accelerator{'s' * (held != 1)} at once, for about "
        + duration(plan.seconds(workers))
        + f", {workers} workers side by side (-n 0: one after the other)" * (workers > 1),
    ]


def summary(
    terminal: Terminal, run: "Run", conclusion: "Conclusion", problems: Sequence[str]
) -> None:
    """One line per requirement: verdict and why; then what else has to be known."""
    reporter = terminal.reporter
    if reporter is None:
        return
    reporter.section("conformance, SIMULATED" if run.simulated else "conformance")
    safe = terminal.safe
    width = max((len(one.result.id) for one in conclusion.judged), default=0)
    for one in conclusion.judged:
        result = one.result
        reporter.write(f"{result.id:<{width}}  {result.level:<10}  ")
        reporter.write(f"{result.verdict:<15}", **_COLOURS[result.verdict])
        reporter.line(f"  {safe(result.reason)}")
        for line in one.judgement.more.splitlines()[:_MOST_LINES]:
            reporter.line(f"{'':<{width}}  {safe(line)}")
        for finding in one.judgement.findings:
            reporter.line(safe(f"{'':<{width}}  finding: {finding}"), yellow=True)
    for came in run.results:
        for left in came.left_behind.splitlines():
            reporter.line(safe(f"left behind by {came.check}: {left}"), red=True)
    for line in run.left_behind:
        reporter.line(safe(f"left behind on the cluster: {line}"), red=True)
    for line in run.kept:
        reporter.line(safe(f"kept on the cluster: {line}"), yellow=True)
    if run.left_behind or run.kept:
        reporter.line(safe(f"Remove it with: {run.clean_command}"), bold=True)
    if run.interrupted:
        reporter.line('The run was interrupted; checks that had not ended are "not run".')
    for problem in problems:
        reporter.line(safe(problem), red=True)
    if run.directory is not None:
        dossier = run.directory / "index.html"
        there = dossier if dossier.is_file() else run.directory
        reporter.line(safe(f"Evidence: {there}"), bold=True)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
