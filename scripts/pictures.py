"""Makes the pictures in docs/ again from the example in reports/lab.

Needs chromium and pngquant (`apt-get install chromium pngquant`), and the virtual environment of
the tests.

Usage: PYTHONPATH=. .venv/bin/python scripts/pictures.py
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from aicr_pytest.reports.writing import rebuild
from aicr_pytest.requirements.catalogue import REQUIREMENTS, Level
from aicr_pytest.submission.submit import Request
from tests.unit.reports.devtools import Tab, tab
from tests.unit.reports.like_github import as_github_shows
from tests.unit.submission import world

_DOCS = Path("docs")
_REQUIREMENT = "secure_accelerator_access"
_MOST = 120_000
"""Bytes of a picture."""


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        evidence = Path(folder) / "out"
        shutil.copytree("reports/lab", evidence)
        rebuild(evidence)
        page = _submission_page(Path(folder), evidence)
        with tab(Path(folder)) as browser:
            browser.prefer("light")
            for name, shown, fragment, height in (
                ("dossier.png", evidence / "index.html", "", 1500),
                ("dossier-requirement.png", evidence / "index.html", f"#{_REQUIREMENT}", 1300),
                ("submission-page.png", page, "", 1100),
            ):
                browser.open(shown, fragment)
                _save(browser, name, height)


def _submission_page(folder: Path, evidence: Path) -> Path:
    """A requirement's page of a rehearsal, as GitHub would show it."""
    checkout, product = folder / "checkout", folder / "product.yaml"
    world.checkout(checkout, _official_list())
    world.product(product)
    request = Request.read(checkout, product, origins=("--checkout", "--product"))
    written = request.submit(evidence, simulated=True) / f"{_REQUIREMENT}.md"
    page = written.with_suffix(".html")
    page.write_text(as_github_shows(written.read_text("utf-8")), encoding="utf-8")
    return page


def _official_list() -> str:
    """The programme's list without its words, which are not ours to show."""
    lines = ["metadata:", "  kubernetesVersion: v1.37", "spec:"]
    for category in dict.fromkeys(one.category for one in REQUIREMENTS):
        listed = [
            one
            for one in REQUIREMENTS
            if one.category == category and one.level("1.37") is not Level.NOT_LISTED
        ]
        lines += [f"  {category}:"] if listed else []
        lines += [
            f'    - {{id: {one.id}, level: {one.level("1.37")}, description: "(CNCF\'s words)", '
            'status: "", evidence: [], notes: ""}'
            for one in listed
        ]
    return "\n".join(lines) + "\n"


def _save(browser: Tab, name: str, height: int) -> None:
    """What stands in the window now, 960 pixels wide, with few colours."""
    target = _DOCS / name
    target.write_bytes(browser.window(1280, height, 0.75))
    quantised = ["pngquant", "--force", "--speed=1", "--strip", "--output", str(target)]
    subprocess.run([*quantised, "48", str(target)], check=True)
    if (size := target.stat().st_size) > _MOST:
        raise SystemExit(f"{target} has {size} bytes, {_MOST} are the most")
    print(f"{target}: {size} bytes")


if __name__ == "__main__":
    main()
