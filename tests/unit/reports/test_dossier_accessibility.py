"""The dossier for everybody: keyboard, screen reader, narrow window, paper; in a real browser."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from tests.unit.reports import gallery, sample
from tests.unit.reports.devtools import Tab, tab

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser for all tests."""
    with tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with the picture of every requirement."""
    return gallery.make(tmp_path_factory.mktemp("run") / "gallery")


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


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_axe_finds_nothing(browser: Tab, page: Path, width: int, scheme: str) -> None:
    browser.resize(width)
    browser.prefer(scheme)
    browser.open(page)

    assert findings(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_pictures(browser: Tab, pictures: Path, scheme: str) -> None:
    browser.resize(1280)
    browser.prefer(scheme)
    browser.open(pictures)

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


def test_pictures_scroll_by_themselves(browser: Tab, pictures: Path) -> None:
    browser.resize(320)
    browser.open(pictures)

    assert browser.value("document.documentElement.scrollWidth") <= 320
    assert browser.value("document.querySelector('.picture').getBoundingClientRect().width") >= 500


SHOWN = "[...document.querySelectorAll('article.check:not([hidden])')].map(e => e.dataset.outcome)"


def choose(browser: Tab, field: str, value: str) -> None:
    """Fill in a field of the filter, as a person does."""
    browser.value(
        f"(one => {{ one.value = {json.dumps(value)};"
        " one.dispatchEvent(new Event('input', {bubbles: true})); })"
        f"(document.getElementById('{field}'))"
    )


def test_filter_leaves_what_was_asked_for(browser: Tab, page: Path) -> None:
    browser.resize(1280)
    browser.open(page)
    everything = browser.value(SHOWN)

    choose(browser, "filter-outcome", "failed")
    assert browser.value(SHOWN) == [one for one in everything if one == "failed"]
    assert browser.value("document.getElementById('filter-count').textContent") == (
        f"2 of {len(everything)} checks"
    )

    choose(browser, "filter-words", "time to release")
    assert browser.value(SHOWN) == [], "both filters hold"
    choose(browser, "filter-outcome", "")
    assert browser.value(SHOWN) == ["passed"]


def test_a_link_shows_what_the_filter_hides(browser: Tab, page: Path) -> None:
    browser.open(page)
    choose(browser, "filter-outcome", "failed")
    passed = "dra_support.test_stable_dra_api_is_served"
    hidden = f"document.getElementById('{passed}').closest('[hidden]') !== null"
    assert browser.value(hidden)

    browser.value(f"location.hash = '#{passed}'")

    assert not browser.value(f"new Promise(done => setTimeout(() => done({hidden}), 100))")


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
