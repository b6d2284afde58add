"""`aicr-pytest validate`: what the programme, and a strict reviewer, would say of a submission."""

import argparse
from pathlib import Path
from typing import Any

from aicr_pytest.cli.saying import say_line


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command."""
    added = commands.add_parser(
        "validate",
        help="hold a submission against the programme's rules and stricter ones",
        description="Say of each submission whether the validator of cncf/k8s-ai-conformance would "
        "take it, in both of its generations, and what a reviewer would object to: texts that were "
        "changed, claims without evidence, placeholders, links that lead nowhere, secrets, sizes. "
        "Asks no network unless --online. Ends with 0 where today's programme and we have no "
        "objection, else with 1.",
    )
    added.add_argument(
        "paths",
        metavar="PATH",
        type=Path,
        nargs="+",
        help="a product's folder below vX.Y/, or the PRODUCT.yaml in it",
    )
    added.add_argument(
        "--checkout",
        metavar="CHECKOUT",
        type=Path,
        help="of cncf/k8s-ai-conformance; else the one that the submission lies in",
    )
    added.add_argument(
        "--online",
        action="store_true",
        help="ask for every URL, and for vendorName in the CNCF landscape",
    )
    added.set_defaults(command=_validate)


def _validate(parsed: argparse.Namespace) -> int:
    from aicr_pytest.submission.validate import validate

    judged = [validate(path, parsed.checkout, online=parsed.online) for path in parsed.paths]
    for one in judged:
        for line in one.as_lines():
            say_line(line)
    return 0 if all(one.is_good for one in judged) else 1
