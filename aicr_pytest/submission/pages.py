"""The pages that a reviewer reads: one per requirement, and the README that tells how to repeat it.

GitHub shows them as they are; text of the cluster makes no links there and mentions nobody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from aicr_pytest.evidence.record import Observation
from aicr_pytest.reports import formatting
from aicr_pytest.reports.markdown_text import code, escape, fenced
from aicr_pytest.reports.preview import Preview, Previews, Table
from aicr_pytest.reports.view import CheckView, RequirementView
from aicr_pytest.submission.answers import Answer
from aicr_pytest.submission.draft import STAMP, SUMS_FILE
from aicr_pytest.submission.imports import Imports, Told
from aicr_pytest.submission.measured import Measured
from aicr_pytest.submission.official import OfficialList
from aicr_pytest.submission.product import Product

_MOST_INLINE = 3_000
"""Characters of one observation on a page; a longer one is only linked."""
_MOST_ROWS = 40
"""Rows of one table on a page."""
_MOST_SOURCE = 160
"""Characters of where an observation comes from; a probe's program is longer."""
_BASIS = {
    "text": "the requirement's own words",
    "plan": "its published test plan",
    "hardening": "beyond both; decides nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Writes the pages of one submission."""

    official: OfficialList
    """The list that applies."""
    measured: Measured
    """The run."""
    product: Product
    """The vendor's word."""
    kept: Callable[[str], str]
    """The path here of a file of the evidence."""
    imports: Imports
    """Results of other suites."""
    imported: Callable[[str], str]
    """The path here of one of their files."""

    def readme(self, answers: list[Answer]) -> str:
        """What was measured, where, with what, and how somebody else does it again."""
        lines = [f"# {escape(self._name)}: Kubernetes AI conformance, v{self.official.version}", ""]
        lines += [*self._warning(), *self._what_it_is(), "", *_table_of(answers), ""]
        lines += [
            *self._other_suites(answers),
            *self._besides(),
            *self._again(),
            *self._verify(),
            *self._cluster(),
        ]
        return _joined(lines)

    def requirement(self, answer: Answer, seen: RequirementView) -> str:
        """The evidence of one requirement that the run has looked at."""
        one, run = answer.official, self.measured.view.run
        lines = [f"# {escape(seen.result.title)} (`{code(one.id)}`)", "", *self._warning()]
        lines += [f"> {escape(one.description)}", ""]
        lines += [
            f"- Level: {one.level}, list of Kubernetes {self.official.version}",
            f"- Status: {answer.status}",
            f"- Verdict of the run: {seen.result.verdict}, {escape(seen.result.reason)}",
            f"- Product: {escape(self._name)}",
            f"- Run: `{code(run.run_id)}`, {formatting.moment(run.started_at)}, {self._tool}",
            f"- Kubernetes {escape(run.cluster.version)}; [how to repeat it](README.md)",
            *(f"- {self._words_of(one, answer.status)}" for one in answer.told),
            "",
        ]
        lines += ["| Check | Because of | Outcome |", "|---|---|---|"]
        for check in seen.checks:
            cells = (escape(check.result.title), _BASIS[check.result.basis], _outcome(check))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
        previews = Previews(self.measured.view.directory)
        for check in seen.checks:
            lines += self._check(check, previews)
        return _joined(lines)

    @property
    def _name(self) -> str:
        return f"{self.product.metadata['platformName']} {self.product.metadata['platformVersion']}"

    @property
    def _tool(self) -> str:
        return f"aicr-pytest {self._tool_version}".strip()

    @property
    def _tool_version(self) -> str:
        return self.measured.view.run.versions.get("aicr_pytest", "")

    def _warning(self) -> list[str]:
        if not self.measured.view.run.simulated:
            return []
        return [f"> **{STAMP}**: a rehearsal. {formatting.SIMULATED}", ""]

    def _what_it_is(self) -> list[str]:
        run = self.measured.view.run
        when = f"{formatting.moment(run.started_at)}, {formatting.duration(run.seconds)}"
        return [
            f"Written by `aicr-pytest submit` from run `{code(run.run_id)}` ({when}).",
            "What is Measured was seen on the cluster, and links to what came back; what is Stated",
            "is the vendor's word.",
        ]

    def _other_suites(self, answers: list[Answer]) -> Iterator[str]:
        """What other suites say, and first where that is not what is answered."""
        if not self.imports.reports:
            return
        yield from ("## Other suites", "")
        for answer in answers:
            for told in answer.told:
                name = f"`{code(answer.official.id)}`"
                yield f"- {name}: {self._words_of(told, answer.status)}"
        yield from (
            "",
            "| File | Suite | Of | Passed | Failed | Skipped |",
            "|---|---|---|---|---|---|",
        )
        for report in self.imports.reports:
            path = self.imported(report.file)
            numbers = f"{report.passed} | {report.failed} | {report.skipped}"
            of = escape(report.of)
            yield f"| [{escape(path)}]({quote(path)}) | {report.suite} | {of} | {numbers} |"
        yield ""

    def _words_of(self, told: Told, status: str) -> str:
        files = [self.imported(file) for file, _ in told.evidence]
        links = ", ".join(f"[{escape(path)}]({quote(path)})" for path in files)
        words = f"{escape(str(told))} ({links})"
        return f"**Contradiction:** {words}" if told.contradicts(status) else words

    def _besides(self) -> list[str]:
        """What decides nothing and must not be overlooked."""
        view = self.measured.view
        lines = [
            f"- {escape(check.result.title)} (`{code(requirement.result.id)}`)"
            for requirement, check in view.findings
        ]
        if not lines:
            return []
        head = "Checks that go beyond the requirements, decide nothing, and failed:"
        return ["## Findings", "", head, "", *lines, ""]

    def _again(self) -> list[str]:
        command = self.measured.view.run.command
        version = self._tool_version
        lines = ["## How to repeat it", "", "A cluster like this one, in the vendor's words:", ""]
        lines += [*fenced(self.product.setup), "", "The suite, and how it was run:", ""]
        install = f"pip install aicr-pytest=={version}" if version else "pip install aicr-pytest"
        return [*lines, *fenced(f"{install}\n{command or 'aicr-pytest run'}"), ""]

    def _verify(self) -> list[str]:
        return [
            "## How to verify it",
            "",
            f"`sha256sum -c {SUMS_FILE}` compares every file with what was written.",
            "The records in `evidence/` name the sha256 of what came back, request by request.",
            "",
        ]

    def _cluster(self) -> Iterator[str]:
        cluster = self.measured.view.run.cluster
        yield from ("## The cluster", "", f"- Kubernetes {escape(cluster.version)}")
        if cluster.platform:
            yield f"- Platform: {escape(cluster.platform)}"
        for pool in cluster.accelerators:
            yield (
                f"- Accelerators: {pool.count} of {escape(pool.model)} by {escape(pool.mechanism)}"
                f" in {escape(pool.pool)}"
            )
        for name, version in self.measured.view.run.versions.items():
            yield f"- {escape(name)} {escape(version)}"
        for remark in cluster.remarks:
            yield f"- {escape(remark)}"

    def _check(self, check: CheckView, previews: Previews) -> Iterator[str]:
        yield from (f"## {escape(check.result.title)}", "")
        if check.kept.proves:
            yield from (escape(check.kept.proves), "")
        yield f"- Outcome: {_outcome(check)}, {formatting.duration(check.seconds)}"
        for name, value in check.kept.facts.items():
            yield f"- {escape(name)}: {escape(value)}"
        if check.kept.left_behind:
            yield f"- Left behind on the cluster: {escape(check.kept.left_behind)}"
        yield ""
        if check.message:
            yield from (*fenced(check.message), "")
        for observation in check.kept.observations:
            yield from self._observation(observation, previews.of(observation))

    def _observation(self, observation: Observation, shown: Preview) -> Iterator[str]:
        href = quote(self.kept(observation.file)) if observation.file else ""
        title = escape(observation.title)
        yield f"### {f'[{title}]({href})' if href else title}"
        source = " ".join(observation.source.split())
        if len(source) > _MOST_SOURCE:
            source = f"{source[:_MOST_SOURCE]}…"
        ended = "" if observation.exit_code is None else f"; exit code {observation.exit_code}"
        yield from ("", f"{formatting.moment(observation.taken_at)}: `{code(source)}`{ended}", "")
        if shown.table is not None:
            yield from (*_table(shown.table), "")
        elif shown.image and href:
            yield from (f"![{title}]({href})", "")
        elif 0 < len(shown.text) <= _MOST_INLINE and shown.state == "shown":
            yield from (*fenced(shown.text), "")


def _table_of(answers: list[Answer]) -> Iterator[str]:
    yield "| Requirement | Level | Status | By |"
    yield "|---|---|---|---|"
    for answer in answers:
        name = code(answer.official.id)
        page = answer.page
        where = f"[`{name}`]({page})" if page else f"`{name}`"
        yield f"| {where} | {answer.official.level} | {answer.status or 'open'} | {answer.by} |"


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(escape(column) or ' ' for column in table.columns)} |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows[:_MOST_ROWS]:
        yield f"| {' | '.join(escape(cell) or ' ' for cell in row.cells)} |"
    if left := len(table.rows) + table.left_out - len(table.rows[:_MOST_ROWS]):
        yield from ("", f"{formatting.plural(left, 'more row')} in the file.")


def _outcome(check: CheckView) -> str:
    symbol, _ = formatting.OUTCOMES[check.outcome]
    return f"{symbol} {check.outcome}"


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
