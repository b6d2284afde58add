"""The dossier for everybody: keyboard, screen reader, narrow window, paper; in a real browser."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from tests.unit.reports import sample
from tests.unit.reports.devtools import Tab, tab

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser for all tests."""
    with tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dossier of the sample run, hostile content included."""
    return sample.make(tmp_path_factory.mktemp("run") / "out") / "index.html"


def findings(browser: Tab) -> list[str]:
    """What axe-core has against the page that is open."""
    browser.value(f"{AXE};0")
    told = json.loads(browser.value("axe.run().then(r => JSON.stringify(r.violations))"))
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['html'][:200]}"
        for one in told
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(browser: Tab, page: Path, width: int, scheme: str) -> None:
    browser.resize(width)
    browser.prefer(scheme)
    browser.open(page)

    assert findings(browser) == []


def test_axe_is_heard(browser: Tab, tmp_path: Path) -> None:
    """The control: without it, no findings could mean that nobody looked."""
    bad = tmp_path / "bad.html"
    bad.write_text('<title>bad</title><img src="x.png"><p style="color:#ccc">too faint to read')

    browser.open(bad)

    found = " ".join(findings(browser))
    assert "image-alt" in found
    assert "color-contrast" in found


@pytest.mark.parametrize("width", [320, 420, 1280])
def test_nobody_has_to_scroll_sideways(browser: Tab, page: Path, width: int) -> None:
    browser.resize(width)
    browser.open(page)
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert browser.value("document.documentElement.scrollWidth") <= width


def test_filter_leaves_what_was_asked_for(browser: Tab, page: Path) -> None:
    browser.resize(1280)
    browser.open(page)
    shown = (
        "[...document.querySelectorAll('article.check:not([hidden])')].map(e => e.dataset.outcome)"
    )
    everything = browser.value(shown)

    browser.value(
        "(o => { o.value = 'failed'; o.dispatchEvent(new Event('input', {bubbles: true})); })"
        "(document.getElementById('filter-outcome'))"
    )
    assert browser.value(shown) == [one for one in everything if one == "failed"]
    assert browser.value("document.getElementById('filter-count').textContent") == (
        f"2 of {len(everything)} checks"
    )

    browser.value(
        "(o => { o.value = 'gpu-3 released'; o.dispatchEvent(new Event('input', {bubbles: true})); })"
        "(document.getElementById('filter-words'))"
    )
    assert browser.value(shown) == [], "both filters hold"


def test_a_link_shows_what_the_filter_hides(browser: Tab, page: Path) -> None:
    browser.open(page)
    browser.value(
        "(o => { o.value = 'failed'; o.dispatchEvent(new Event('input', {bubbles: true})); })"
        "(document.getElementById('filter-outcome'))"
    )
    passed = "dra_support.test_stable_dra_api_is_served"

    browser.value(f"location.hash = '#{passed}'")
    browser.value("new Promise(done => setTimeout(done, 100))")

    assert browser.value(f"document.getElementById('{passed}').closest('[hidden]')") is None


def test_everything_is_there_without_the_script(browser: Tab, page: Path) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        hidden = browser.value("[...document.querySelectorAll('[hidden]')].map(one => one.id)")
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)

    assert hidden == ["filter"], "only what would do nothing is hidden"


def test_paper_holds_the_whole_page(browser: Tab, page: Path) -> None:
    browser.open(page)

    assert browser.printed().startswith(b"%PDF")


def test_it_says_nothing_on_the_console(browser: Tab, page: Path) -> None:
    browser.said.clear()
    browser.open(page)
    browser.value("0")

    assert browser.said == []
