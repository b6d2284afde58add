"""The reference pages that are made of the code's own data: options, checks, verdicts, recipes.

``make docs`` writes them; ``tests/unit/docs/test_reference.py`` holds them against the code.
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aicr_pytest import errors
from aicr_pytest.cli.listing import as_json, collect
from aicr_pytest.config.options import OPTIONS, Option
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.reports import formatting
from aicr_pytest.run import verdicts
from aicr_pytest.run.terminal import duration

HERE = Path(__file__).parent
ROOT = HERE.parent

OPTIONS_HEAD = """# Options

Of `aicr-pytest run`, and of every `pytest` that runs the suite. This page is made by `make docs`.

An option is an environment variable too (`--aicr-context`: `AICR_CONTEXT`; several values are
separated by semicolons), and a line of the project's pytest configuration (`aicr_context`); the
command line wins over the environment, and that over the file. `--aicr` asks for the suite where
plain `pytest` is typed. What else pytest takes, it takes here: `-m`, `-k`, `-x`, `--junit-xml`.
"""

CHECKS_HEAD = """# Checks

Every requirement of CNCF's lists, its level per Kubernetes version, and the checks that prove it.
This page is made by `make docs`; `aicr-pytest list` says the same, and `aicr-pytest list --json`
says it to programs.

A check's *basis* is `text` (the requirement's own words) or `plan` (its published test plan): these
decide the verdict. `hardening` is ours, beyond both: what it finds is told, and decides nothing
unless `--aicr-strict` is given. *Accelerators* is how many a check holds at once.
"""

VERDICTS = """# How to read a verdict

Of a requirement there is one verdict, and it follows from the outcomes of its checks. This page is
made by `make docs`, of the code that decides.

{known}

## What it follows from

The first that fits:

{rules}

A rerun never improves a verdict: of several attempts the worst counts. A check that could not look
at one node judges the others, and the reason names the part that was left out.

## The outcome of a check

{outcomes}

In `junit-report.xml` *failed* and *absent* are failures, *inconclusive*, *unknown* and *error* are
errors; in `ctrf.json` those are `other`.

## What could not be looked at, and what accuses

Errors, as the code has them; what ends as *inconclusive* stands below `Inconclusive`.

```text
{tree}
```

## The exit status

| status | means |
|---|---|
| 0 | each MUST selected whole is Implemented or N/A; what decides passed or does not apply |
| 1 | that is not so (of a SHOULD, too, where it was run), or something stays, or the evidence \
has a problem |
| 2 | the run was interrupted: Ctrl-C, SIGTERM |
| 3 | pytest met an error of its own |
| 4 | bad input, or no cluster to look at; the run created nothing |
| 5 | no check was selected |
"""

_MEANS: dict[Outcome, str] = {
    "passed": "what its sentence says was seen",
    "failed": "the platform did something else; the only outcome that accuses it",
    "absent": "no product is there that the check could look at, nor a sign of one",
    "inconclusive": "it could not look: no rights, no room, no image, no API server, not allowed",
    "unknown": "accelerators or a product that the suite does not know are there",
    "error": "the suite itself failed, and says nothing of the platform",
    "skipped": "somebody skipped it, e.g. a mark or another plugin",
    "not applicable": "it says nothing about this platform, e.g. claims where no driver has any",
    "not run": "it was not selected, or the run ended before it",
}
_THEN = {
    "Implemented": "Nothing. The dossier shows what each check has seen.",
    "Not Implemented": "Read the failed check in `index.html`: it names what was seen, and when."
    " Mend the platform, and run that requirement again: `aicr-pytest run -m NAME`.",
    "Inconclusive": "The platform is not accused. The line below the reason is the way out;"
    " [troubleshooting](troubleshooting.md) has the frequent ones.",
    "Unknown": "Describe the vendor ([how](how-to/add-a-vendor.md)) or the product"
    " ([how](how-to/add-a-solution.md)), or state the requirement in product.yaml, with evidence.",
    "N/A": "Your reason is published with it.",
}


def options_markdown() -> str:
    """Every option, what it does, its value and default."""
    rows = [(_form(one), one.shown_default or "none", one.help) for one in OPTIONS]
    return "\n".join([OPTIONS_HEAD, *_table(("option", "default", "what it does"), rows), ""])


def _form(option: Option) -> str:
    shown = f"`{option.flag} {option.metavar}`" if option.metavar else f"`{option.flag}`"
    return f"{shown}, repeatable" if option.several else shown


def checks_markdown() -> str:
    """Every requirement and every check."""
    listed = as_json(collect())
    parts = [CHECKS_HEAD]
    for one in listed["requirements"]:
        parts += _requirement(one, listed["versions"])
    return "\n".join(parts)


def _requirement(one: dict[str, Any], versions: Sequence[str]) -> list[str]:
    names = ", ".join(f"`{name}`" for name in one["names"])
    levels = ", ".join(f"{version} {one['levels'][version]}" for version in versions)
    lines = [f"## {one['id']}", "", f"{one['title']}. {levels}.", ""]
    if not one["checks"]:
        return [*lines, f"Not automated: {one['not_automated']}.", ""]
    marks = ", ".join(f"`-m {name}`" for name in one["names"] if name.isidentifier())
    lines += [f"Chosen by {marks}; `--aicr-feature` takes {names}.", ""]
    rows = [
        (
            f"**{check['title']}**: {' '.join(check['proves'].split())}",
            check["basis"],
            check["creates"] or "nothing",
            str(check["accelerators"] or "none"),
            duration(check["seconds"]),
        )
        for check in one["checks"]
    ]
    head = ("check", "basis", "creates", "accelerators", "about")
    return [*lines, *_table(head, rows), ""]


def verdicts_markdown() -> str:
    """From what a check met to what the requirement is called, and what to do."""
    rules = (inspect.getdoc(verdicts) or "").partition("The first that fits:\n")[2].strip()
    known = [
        (f"{symbol} {verdict}", _THEN[verdict])
        for verdict, (symbol, _) in formatting.VERDICTS.items()
    ]
    outcomes = [
        (f"{symbol} {outcome}", _MEANS[outcome])
        for outcome, (symbol, _) in formatting.OUTCOMES.items()
    ]
    return VERDICTS.format(
        known="\n".join(_table(("verdict", "and then?"), known)),
        rules=rules.replace("``", "`"),
        outcomes="\n".join(_table(("outcome", "means"), outcomes)),
        tree=_tree(),
    )


def _tree() -> str:
    tree = (inspect.getdoc(errors) or "").partition("::\n\n")[2].partition("\n\nIn its call")[0]
    return inspect.cleandoc(tree)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


_FILE = re.compile(r"(?ms)^<!-- file: (\S+) -->\n```(\w+)\n.*?^```$")


def with_files(page: str) -> str:
    """A page with the files in it that its comments name, as they are now."""

    def shown(found: re.Match[str]) -> str:
        text = (ROOT / found[1]).read_text(encoding="utf-8")
        return f"<!-- file: {found[1]} -->\n```{found[2]}\n{text}```"

    return _FILE.sub(shown, page)


def write() -> None:
    """Write all of them."""
    made = {
        "options.md": options_markdown(),
        "checks.md": checks_markdown(),
        "verdicts.md": verdicts_markdown(),
        "ci.md": with_files((HERE / "ci.md").read_text(encoding="utf-8")),
    }
    for name, text in made.items():
        (HERE / name).write_text(text, encoding="utf-8")
