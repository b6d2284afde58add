"""What pytest-html gets from us is escaped and small, and its links lead to our files."""

from pathlib import Path
from urllib.parse import unquote

from aicr_pytest.evidence.record import Observation
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RunInfo
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.reports import pytest_html_bridge as bridge
from tests.unit.reports import sample


def observe(directory: Path | None, content: str) -> Observation:
    store = EvidenceStore.open(directory, "run-1", Redactor())
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    return evidence.text("<i>Title", content, source="cat <file>", exit_code=0)


def test_preview_is_escaped_and_the_link_is_relative_to_the_report(tmp_path: Path) -> None:
    seen = observe(tmp_path / "a b", sample.HOSTILE)

    html, url = bridge.extras(
        [seen], directory=tmp_path / "a b", report=tmp_path / "html" / "report.html"
    )

    assert "<script" not in html["content"]
    assert "<summary>&lt;i&gt;Title</summary>" in html["content"]
    assert "exit code 0" in html["content"]
    assert (tmp_path / "html" / unquote(url["content"])).parent.resolve() == (
        tmp_path / "a b/x/test_x"
    )


def test_preview_of_a_long_observation_is_short(tmp_path: Path) -> None:
    seen = observe(tmp_path, "x" * 1_000_000)

    html, _ = bridge.extras([seen], directory=tmp_path, report=tmp_path / "report.html")

    assert len(html["content"]) < 5000
    assert "the rest is in the file" in html["content"]


def test_without_evidence_only_the_title_is_shown(tmp_path: Path) -> None:
    seen = observe(None, "content")

    [html] = bridge.extras([seen], directory=None, report=tmp_path / "report.html")

    assert "<pre>" not in html["content"]


def test_file_that_could_not_be_written_ends_nothing(tmp_path: Path) -> None:
    seen = observe(tmp_path, "content")
    (tmp_path / seen.file).unlink()

    html, _ = bridge.extras([seen], directory=tmp_path, report=tmp_path / "report.html")

    assert "<pre>" not in html["content"]


def test_head_of_the_report_says_simulated_and_leads_to_the_dossier(tmp_path: Path) -> None:
    run = RunInfo(run_id="run-1", simulated=True, problems=("disk <full>",))

    lines = bridge.summary(run, directory=tmp_path / "ev", report=tmp_path / "report.html")

    assert "SIMULATED" in lines[0]
    assert "disk &lt;full&gt;" in lines[1]
    assert 'href="ev/index.html"' in lines[2]


def test_cells_are_escaped() -> None:
    assert bridge.row_cell("<b>") == '<td class="col-requirement">&lt;b&gt;</td>'
    assert "sortable" in bridge.header_cell()
