"""summary.md: the verdicts on one screen, for pull requests and CI job summaries."""

from aicr_pytest.reports import formatting
from aicr_pytest.reports.markdown_text import code as _code
from aicr_pytest.reports.markdown_text import escape as _escape
from aicr_pytest.reports.markdown_text import fenced
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

_MOST_LINES = 40
"""Of one message; a job's summary on GitHub has 1 MiB in all."""


def render(view: RunView) -> str:
    """The summary; text of the cluster is escaped: it makes no links and mentions nobody.

    It stands alone, as in the summary of a job on GitHub: no link leads into the evidence.
    """
    lines = ["# AI conformance", "", *_warnings(view), _sentence(view), ""]
    lines += [*_head(view), "", *_table(view), ""]
    told: dict[str, str] = {}
    for requirement in view.requirements:
        lines += _details(requirement, told)
    lines += _images(view)
    where = f" in `{_code(view.run.directory)}`" if view.run.directory else ""
    lines += [f"The whole evidence is in `index.html`{where}.", ""]
    return "\n".join(lines)


def _sentence(view: RunView) -> str:
    """What a manager reads: how many of each level are met, of those that were looked at."""
    told = []
    for level in dict.fromkeys(requirement.result.level for requirement in view.requirements):
        verdicts = [r.result.verdict for r in view.requirements if r.result.level == level]
        met = verdicts.count("Implemented")
        told.append(f"{met} of {len(verdicts)} {_escape(level)}".strip())
    if not told:
        return "No requirement was looked at."
    return f"Implemented of what was looked at: **{', '.join(told)}**."


def _warnings(view: RunView) -> list[str]:
    lines = []
    if view.run.simulated:
        lines += [
            f"> **SIMULATED**: {formatting.SIMULATED}",
            "",
        ]
    if view.run.interrupted:
        lines += ["> **The run was interrupted**; what did not run is listed as such.", ""]
    for line in view.run.left_behind:
        lines += [f"> **Left behind on the cluster**: {_escape(line)}", ""]
    if view.run.left_behind:
        lines += [f"> Remove it with `{view.run.clean_command}`", ""]
    for problem in view.problems:
        lines += [f"> **Problem**: {_escape(problem)}", ""]
    for conflict in view.run.conflicts:
        lines += [f"> **Said differently**: {_escape(conflict)}", ""]
    return lines


def _head(view: RunView) -> list[str]:
    run, cluster = view.run, view.run.cluster
    facts = {
        "Cluster": " · ".join(filter(None, (cluster.platform, cluster.context))),
        "Kubernetes": cluster.version,
        "Requirement list": run.list_version,
        "Run": ", ".join(
            (run.run_id, formatting.moment(run.started_at), formatting.duration(run.seconds))
        ),
        "Made with": run.tool,
        "Suite": f"sha256:{run.suite_sha256}" if run.suite_sha256 else "",
        "Merged of": ", ".join(
            f"{part.run_id} ({formatting.moment(part.started_at)})" for part in run.parts
        ),
        "Upstream's suite": run.upstream,
        "Taken out of the evidence": ", ".join(
            f"{formatting.words(kind)} {count} times" for kind, count in run.replaced.items()
        ),
    }
    return [f"- {name}: {_escape(value)}" for name, value in facts.items() if value]


def _table(view: RunView) -> list[str]:
    lines = [
        "| Requirement | Category | Level | Verdict | Checks passed | Reason |",
        "|---|---|---|---|---|---|",
    ]
    for requirement in view.requirements:
        result = requirement.result
        symbol, _ = formatting.VERDICTS[result.verdict]
        cells = (
            f"`{_code(result.id)}`",
            _escape(formatting.words(result.category)),
            _escape(result.level),
            f"{symbol} **{result.verdict}**",
            f"{requirement.count('passed')} of {len(requirement.checks)}",
            _escape(result.reason),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _details(requirement: RequirementView, told: dict[str, str]) -> list[str]:
    """The checks that tell something, those that tell the same together.

    Args:
        requirement: with its checks.
        told: texts that were told already → of which requirement; grows.
    """
    alike: dict[tuple[str, str], list[CheckView]] = {}
    for check in requirement.checks:
        if check.outcome != "passed" or check.kept.left_behind:
            finding = ", finding" if check.is_finding else ""
            alike.setdefault((f"{check.outcome}{finding}", _told(check)), []).append(check)
    if not alike:
        return []
    name = f"`{_code(requirement.result.id)}`"
    lines = [f"## {_escape(requirement.result.title)} ({name})", ""]
    for (outcome, text), checks in alike.items():
        symbol, _ = formatting.OUTCOMES[checks[0].outcome]
        lines += [f"- {symbol} **{outcome}**: {_escape(check.result.title)}" for check in checks]
        if text in told:
            lines += ["", f"  What is said above of {told[text]}."]
        elif text:
            lines += ["", *(f"  {line}".rstrip() for line in fenced(_cut(text)))]
            told[text] = name
        lines.append("")
    return lines


def _told(check: CheckView) -> str:
    left = check.kept.left_behind
    return "\n".join(filter(None, (check.message, f"left behind: {left}" if left else "")))


def _images(view: RunView) -> list[str]:
    if not view.run.images:
        return []
    rows = [f"| `{_code(name)}` | `{_code(found)}` |" for name, found in view.run.images.items()]
    return ["| Image | Digest that ran |", "|---|---|", *rows, ""]


def _cut(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - _MOST_LINES
    return "\n".join(
        [*lines[:_MOST_LINES], *([f"[{more} more lines in index.html]"] if more > 0 else [])]
    )
