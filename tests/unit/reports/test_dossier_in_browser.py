"""The dossier in a real browser: it says nothing on the console and asks nobody for anything."""

import re
from pathlib import Path

import pytest

from aicr_pytest.reports import dossier
from tests.unit.reports import sample
from tests.unit.reports.browser import Visit, screenshot, visit

SCRIPT = Path(dossier.__file__).parent / "templates" / "dossier.js"
OFFICIAL = "https://github.com/cncf/k8s-ai-conformance/blob/main/docs/AIConformance-1.37.yaml"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dossier of the sample run, hostile content included."""
    return sample.make(tmp_path_factory.mktemp("run") / "out") / "index.html"


@pytest.fixture(scope="module")
def opened(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """The page, opened once."""
    return visit(page, tmp_path_factory.mktemp("browser"))


def test_page_is_whole(opened: Visit) -> None:
    assert opened.dom.count('class="check sheet') == 7
    assert "The records are the evidence" in opened.dom, "the end of the page is reached"


def test_console_stays_empty(opened: Visit) -> None:
    assert opened.console == []


def test_nothing_is_asked_over_the_network(opened: Visit) -> None:
    assert opened.requests == []


def test_hostile_output_is_text_and_nothing_else(opened: Visit) -> None:
    assert "<title>SIMULATED: AI conformance of aicr-lab, 2026-11-23</title>" in opened.dom
    assert "&lt;script&gt;document.title='owned'" in opened.dom
    shown, ours = opened.dom.split("</style>")[1].split("<script>")
    assert not re.search(r"<script|<img|<iframe|<link|<[^>]*\son\w+=", shown)
    assert ours.split("</script>")[0].strip() == SCRIPT.read_text(encoding="utf-8").strip()
    assert "<" not in ours.split("</script>")[1].replace("</body>", "").replace("</html>", "")


def test_every_link_leads_to_a_file_or_an_anchor(page: Path, opened: Visit) -> None:
    anchors = set(re.findall(r'\sid="([^"]+)"', opened.dom))
    links = set(re.findall(r'\shref="([^"]+)"', opened.dom))

    assert len(links) > 20
    for link in links - {OFFICIAL}:
        assert link[1:] in anchors if link.startswith("#") else (page.parent / link).is_file()
    assert OFFICIAL in links, "CNCF's own words are a link away"


def test_a_page_that_misbehaves_is_seen_to(tmp_path: Path) -> None:
    """The control: without it, the empty lists above could mean that nobody looked."""
    bad = tmp_path / "bad.html"
    bad.write_text('<script>missing()</script><img src="http://evil.invalid/x.png">')

    opened = visit(bad, tmp_path)

    assert "missing is not defined" in opened.console[0]
    assert opened.requests == ["http://evil.invalid/x.png"]


def test_light_and_dark_differ(page: Path, tmp_path: Path) -> None:
    light = screenshot(page, tmp_path, "800,600", "--blink-settings=preferredColorScheme=1")
    dark = screenshot(page, tmp_path, "800,600", "--blink-settings=preferredColorScheme=0")

    assert light != dark
