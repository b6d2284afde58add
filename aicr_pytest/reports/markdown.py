"""summary.md: the verdicts on one screen, for pull requests and CI job summaries."""

from aicr_pytest.reports import formatting
from aicr_pytest.reports.markdown_text import code as _code
from aicr_pytest.reports.markdown_text import escape as _escape
from aicr_pytest.reports.markdown_text import fenced
from aicr_pytest.reports.view import CheckView, RequirementView, RunView


def render(view: RunView) -> str:
    """The summary; text of the cluster is escaped: it makes no links and mentions nobody."""
    lines = ["# AI conformance", ""]
    lines += _warnings(view)
    lines += [*_head(view), "", *_table(view), ""]
    for requirement in view.requirements:
        lines += _details(requirement)
    lines += ["The whole evidence: [index.html](index.html)", ""]
    return "\n".join(lines)


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


def _details(requirement: RequirementView) -> list[str]:
    telling = [c for c in requirement.checks if c.outcome != "passed" or c.kept.left_behind]
    if not telling:
        return []
    lines = [f"## {_escape(requirement.result.title)} (`{_code(requirement.result.id)}`)", ""]
    for check in telling:
        lines += [*_check(check), ""]
    return lines


def _check(check: CheckView) -> list[str]:
    symbol, _ = formatting.OUTCOMES[check.outcome]
    finding = ", finding" if check.is_finding else ""
    lines = [f"- {symbol} **{check.outcome}{finding}**: {_escape(check.result.title)}"]
    told = [check.message]
    if check.kept.left_behind:
        told.append(f"left behind: {check.kept.left_behind}")
    if text := "\n".join(filter(None, told)):
        lines += ["", *(f"  {line}".rstrip() for line in fenced(text))]
    return lines
