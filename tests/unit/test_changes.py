"""The fragments in ``changes/`` are such that a release can join them."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
KINDS = {kind["directory"] for kind in SETTINGS["type"]}
TEMPLATE = ROOT / SETTINGS["template"]
FRAGMENTS = sorted({*(ROOT / SETTINGS["directory"]).iterdir()} - {TEMPLATE})


def test_a_fragment_has_a_kind_and_is_one_paragraph() -> None:
    for fragment in FRAGMENTS:
        name, kind, *ending = fragment.name.split(".")
        text = fragment.read_text()

        assert (name[:1], ending) == ("+", ["md"]), f"{fragment.name}: not +NAME.KIND.md"
        assert kind in KINDS, fragment.name
        assert text == text.strip() + "\n", fragment.name
        assert "\n\n" not in text, f"{fragment.name}: more than one paragraph"
        assert text[0] not in "#-*", f"{fragment.name}: it becomes one item of a list"
        assert max(map(len, text.splitlines())) <= 100, fragment.name


def test_the_list_of_changes_is_written_by_releases_only() -> None:
    page = (ROOT / SETTINGS["filename"]).read_text()

    assert page.count("<!-- towncrier release notes start -->") == 1
    assert "## Next" not in page


def test_what_contributors_are_told_of_kinds_is_all_of_them() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()

    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []
