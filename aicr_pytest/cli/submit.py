"""`aicr-pytest submit`: a run's evidence as the folder of a pull request."""

import argparse
from pathlib import Path
from typing import Any

from aicr_pytest.cli.saying import say_line


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command."""
    added = commands.add_parser(
        "submit",
        help="write the pull request to cncf/k8s-ai-conformance of an earlier run",
        description="Write vX.Y/PRODUCT/ into a checkout of cncf/k8s-ai-conformance: PRODUCT.yaml "
        "with the programme's texts, a page of evidence per requirement with the files that it "
        "links, and a README that repeats the run. The evidence is verified and looked through for "
        "secrets first. A MUST is Implemented only where the run says so; what no run can see "
        "comes from product.yaml, and results of other suites are named as evidence beside it. "
        "Writes all of it or nothing, and asks no cluster.",
    )
    added.add_argument("directory", metavar="DIR", type=Path, help="the run's evidence directory")
    added.add_argument(
        "--checkout",
        metavar="CHECKOUT",
        type=Path,
        required=True,
        help="of cncf/k8s-ai-conformance; its list of the cluster's Kubernetes version applies",
    )
    added.add_argument(
        "--product",
        metavar="FILE",
        type=Path,
        required=True,
        help="what no run can see: names, URLs, set-up, and answers by documentation",
    )
    added.add_argument(
        "--import-upstream",
        metavar="PATH",
        type=Path,
        action="append",
        default=[],
        help="results of another suite, a file or a folder of them; repeatable. Known by their "
        "content: upstream's suite (JUnit, `go test -json`, `go test -v`), reports of the Gateway "
        "API and of its Inference Extension, and JUnit and log of Kubernetes' conformance. They "
        "become evidence and change no status; those in DIR/upstream, of `aicr-pytest run "
        "--upstream-suite`, are taken without asking",
    )
    added.add_argument(
        "--simulated",
        action="store_true",
        help="a rehearsal: of a run on simulated accelerators, said in every file",
    )
    added.set_defaults(command=_submit)


def _submit(parsed: argparse.Namespace) -> int:
    from aicr_pytest.submission.submit import Request

    origins = ("--checkout", "--product")
    request = Request.read(parsed.checkout, parsed.product, origins=origins)
    folder = request.submit(
        parsed.directory,
        simulated=parsed.simulated,
        imported=parsed.import_upstream,
        say=say_line,
    )
    say_line(str(folder))
    say_line(f"Next: aicr-pytest validate {folder}")
    return 0
