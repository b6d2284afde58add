"""What redaction would still replace in a folder of evidence is found, and nothing else is."""

import base64
from pathlib import Path

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.run import RunInfo
from aicr_pytest.evidence.scan import level_of, scan
from tests.unit.evidence import small_run
from tests.unit.reports import sample

TOKEN = "hf_" + "a1B2c3D4" * 5


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return small_run.make(tmp_path / "out")


def found(run: Path) -> list[tuple[str, str, int]]:
    return [(finding.file, finding.kind, finding.count) for finding in scan(run)]


def test_what_a_run_writes_holds_nothing_more_to_replace(tmp_path: Path) -> None:
    assert scan(sample.make(tmp_path / "out")) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("notes.txt", f"log in with\n{TOKEN}\n"),
        ("robust_controller/more.json", f'{{"key": ["{TOKEN}"]}}'),
        ("results.xml", f"<a b='{TOKEN}'/>"),
        ("page.html", f"<html><body>{TOKEN}</body></html>"),
        ("requests.jsonl", f'{{"path": "/x?token={TOKEN}"}}\n'),
        ("broken.json", f'{{"key": "{TOKEN}"'),
    ],
)
def test_credential_is_found_in_whatever_form_it_stands(run: Path, file: str, text: str) -> None:
    (run / file).write_text(text)

    assert found(run) == [(file, "secret", 1)]
    assert "a1B2" not in str(scan(run)[0])
    assert "[redacted" in scan(run)[0].where


def test_credential_in_a_drawing_of_a_page_is_found(run: Path) -> None:
    drawing = base64.b64encode(f"<svg><text>{TOKEN}</text></svg>".encode()).decode()
    (run / "page.html").write_text(f'<html><img src="data:image/svg+xml;base64,{drawing}"></html>')

    assert found(run) == [("page.html", "secret", 1)]
    assert scan(run)[0].where.startswith("<svg><text>[redacted")


def test_drawing_that_holds_nothing_is_no_finding(run: Path) -> None:
    drawing = base64.b64encode(b"<svg><text>aB3dE5fG7hI9jK1</text></svg>" * 9).decode()
    (run / "page.html").write_text(f'<html><img src="data:image/svg+xml;base64,{drawing}"></html>')

    assert scan(run) == []


def test_name_of_the_platform_is_found_by_its_kind_and_counted(run: Path) -> None:
    (run / "nodes.txt").write_text("ip-10-0-0-1\nip-10-0-0-2 and ip-10-0-0-1\n")

    assert found(run) == [("nodes.txt", "node", 3)]
    assert str(scan(run)[0]).startswith("not to be published: nodes.txt: node in 3 places: node-")


def test_names_are_no_finding_where_the_run_publishes_them(tmp_path: Path) -> None:
    run = small_run.make(tmp_path / "out", settings={"redact": "secrets  [--aicr-redact]"})
    (run / "nodes.txt").write_text(f"ip-10-0-0-1 {TOKEN}\n")

    assert found(run) == [("nodes.txt", "secret", 1)]


def test_what_nobody_can_look_into_is_told(run: Path) -> None:
    (run / "dump.bin").write_bytes(b"\xff\xfe\x00")

    assert [str(finding) for finding in scan(run)] == [
        "nobody has looked into it: dump.bin: it is no text"
    ]


def test_files_that_are_known_need_no_look(run: Path) -> None:
    (run / "notes.txt").write_text(TOKEN)

    assert scan(run, known=["notes.txt"]) == []


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"run\.json: cannot be read"):
        scan(tmp_path)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("identities  [--aicr-redact]", "identities"),
        ("secrets  [AICR_REDACT]", "secrets"),
        ("nonsense", "pseudonyms"),
        ("", "pseudonyms"),
    ],
)
def test_level_is_the_one_of_the_run(said: str, level: str) -> None:
    assert level_of(RunInfo(run_id="x", settings={"redact": said})) == level
