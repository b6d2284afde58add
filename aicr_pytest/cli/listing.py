"""What there is: every requirement and check, read off the suite's marks without a cluster."""

import contextlib
import io
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.locations import suite_dir
from aicr_pytest.requirements.catalogue import NOT_AUTOMATED, REQUIREMENTS, VERSIONS
from aicr_pytest.run.plan import Check, Plan
from aicr_pytest.run.session import run_key
from aicr_pytest.run.terminal import duration


class _Collected:
    """Keeps the plan of a collection."""

    plan: Plan | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        run = session.config.stash.get(run_key, None)
        self.plan = run.plan if run else None


def collect() -> Plan:
    """All checks of the suite, by a collection in this process.

    Raises:
        SettingsError: the suite cannot be collected.
    """
    seen = _Collected()
    said = io.StringIO()
    # The suite's own folder as rootdir: whatever pytest configuration lies around does not matter.
    arguments = ["--aicr", "--collect-only", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    suite = str(suite_dir())
    arguments += ["--rootdir", suite, "--confcutdir", suite, "--import-mode=importlib"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        pytest.main(arguments, plugins=[seen])
    if seen.plan is None or not seen.plan.selected:
        raise SettingsError(f"The suite in {suite_dir()} cannot be collected:\n{said.getvalue()}")
    return seen.plan


def as_json(plan: Plan) -> dict[str, Any]:
    """For programs."""
    return {
        "versions": list(VERSIONS),
        "requirements": [
            {
                "id": requirement.id,
                "title": requirement.title,
                "category": requirement.category,
                "names": list(requirement.names),
                "levels": {v: str(requirement.level(v)) for v in VERSIONS},
                "not_automated": NOT_AUTOMATED.get(requirement.id, ""),
                "checks": [_check_json(check) for check in _of(plan, requirement.id)],
            }
            for requirement in REQUIREMENTS
        ],
    }


def as_table(plan: Plan) -> str:
    """For people."""
    lines = []
    for requirement in REQUIREMENTS:
        levels = ", ".join(f"{v} {requirement.level(v)}" for v in VERSIONS)
        names = ", ".join(requirement.names[1:])
        lines += [
            f"{requirement.id}: {requirement.title}" + (f"  [{names}]" if names else ""),
            f"  {requirement.category}; {levels}",
        ]
        checks = _of(plan, requirement.id)
        if not checks:
            lines.append(f"  not automated: {NOT_AUTOMATED.get(requirement.id, 'no check yet')}")
        for check in checks:
            lines += [
                f"  - {check.name}",
                f"      {check.proves}",
                (
                    f"      {check.basis}; creates {check.creates or 'nothing'}; "
                    f"about {duration(check.seconds)}"
                ),
            ]
        lines.append("")
    return "\n".join(lines)


def _of(plan: Plan, requirement: str) -> list[Check]:
    return [check for check in plan.selected if check.requirement == requirement]


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "title": check.title,
        "proves": check.proves,
        "basis": check.basis,
        "creates": check.creates,
        "accelerators": check.accelerators,
        "seconds": check.seconds,
    }
