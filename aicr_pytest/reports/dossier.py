"""index.html: the dossier, by requirement; one file that needs no network and runs no script."""

import functools
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from aicr_pytest import __version__
from aicr_pytest.evidence.checksums import entries
from aicr_pytest.evidence.names import folder_name
from aicr_pytest.evidence.printable import printable
from aicr_pytest.reports import formatting
from aicr_pytest.reports.preview import Previews
from aicr_pytest.reports.view import REPORT_FILES, RunView

_TEMPLATES = Path(__file__).parent / "templates"


def render(view: RunView) -> str:
    """The page; the same evidence gives the same bytes."""
    previews = Previews(view.directory)
    return (
        _environment()
        .get_template("dossier.html")
        .render(
            view=view,
            run=view.run,
            cluster=view.run.cluster,
            verdict_counts=formatting.counts([req.result.verdict for req in view.requirements]),
            files=[entry for entry in entries(view.directory) if _is_evidence(entry.path)],
            preview=previews.of,
            report_written=(view.directory / "report.html").is_file(),
            our_version=view.run.versions.get("aicr_pytest", __version__),
        )
    )


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
        "time_of_day": formatting.time_of_day,
        "words": formatting.words,
    }
    return environment


def _harmless(value: Any) -> Any:
    """What the template prints: text of the cluster may hold terminal escapes and the like."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
