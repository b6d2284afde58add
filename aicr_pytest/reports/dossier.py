"""index.html: the dossier, by requirement; one file that needs no network.

Its one script filters checks; without it everything is there to read.
"""

import base64
import functools
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from aicr_pytest import __version__
from aicr_pytest.evidence.checksums import entries
from aicr_pytest.evidence.kernel_answers import KERNEL_ANSWERS
from aicr_pytest.evidence.names import folder_name
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.reports import formatting, headline, page
from aicr_pytest.reports.traces import made_and_deleted
from aicr_pytest.reports.view import REPORT_FILES, RunView

_LISTS = "https://github.com/cncf/k8s-ai-conformance/blob/main/docs"
"""Where the programme's lists are; a reader may follow the link, the page asks for nothing."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(view: RunView) -> str:
    """The page; the same evidence gives the same bytes."""
    script = (_TEMPLATES / "dossier.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("dossier.html")
        .render(
            view=view,
            run=view.run,
            cluster=view.run.cluster,
            sentence=headline.sentence(view.run),
            shortfalls=headline.shortfalls(view),
            parts_not_looked_at=headline.parts_not_looked_at(view),
            solutions=headline.solutions(view.requirements),
            sections=page.sections(view),
            official_list=f"{_LISTS}/AIConformance-{quote(view.run.list_version)}.yaml",
            verdict_counts=formatting.counts([req.result.verdict for req in view.requirements]),
            outcomes=[one for one in formatting.OUTCOMES if _happened(view, one)],
            files=[entry for entry in entries(view.directory) if _is_evidence(entry.path)],
            traces=made_and_deleted(view.directory),
            report_written=(view.directory / "report.html").is_file(),
            our_version=view.run.versions.get("aicr_pytest", __version__),
            script=Markup(script),
            script_hash=_hash(f"\n{script}\n"),
        )
    )


def _happened(view: RunView, outcome: Outcome) -> bool:
    return any(check.outcome == outcome for _, check in view.checks)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _is_evidence(path: str) -> bool:
    return path not in REPORT_FILES and not path.startswith("assets/")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "BASES": formatting.BASES,
        "KERNEL_ANSWERS": KERNEL_ANSWERS,
        "OUTCOMES": formatting.OUTCOMES,
        "SIMULATED": formatting.SIMULATED,
        "VERDICTS": formatting.VERDICTS,
    }
    environment.filters |= {
        "anchor": folder_name,
        "duration": formatting.duration,
        "href": lambda path: quote(path, safe="/"),
        "moment": formatting.moment,
        "plural": formatting.plural,
        "size": formatting.size,
        "taken_out": formatting.taken_out,
        "time_of_day": formatting.time_of_day,
        "words": formatting.words,
    }
    return environment


def _harmless(value: Any) -> Any:
    """What the template prints: text of the cluster may hold terminal escapes and the like."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
