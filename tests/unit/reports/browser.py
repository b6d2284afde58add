"""A real browser, headless, that tells what a page said and asked for."""

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aicr_lab.needs import BROWSERS

FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    # Nothing leaves the machine; what is asked for stands in the log all the same.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page, opened."""

    dom: str
    """The document after its scripts have run."""
    console: list[str]
    """Everything on the console: scripts' output, errors, refusals."""
    requests: list[str]
    """URLs that were asked for over the network; the browser's own errands left out."""


def chromium() -> str:
    """The browser; a machine without it fails the test, for a skip would hide what it is for."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    pytest.fail("chromium is missing: apt-get install chromium (make test installs it).")


def visit(page: Path, profile: Path) -> Visit:
    """Open a page from the disk."""
    log = profile / "net.json"
    done = subprocess.run(
        [
            chromium(),
            *FLAGS,
            f"--user-data-dir={profile / 'profile'}",
            f"--log-net-log={log}",
            "--dump-dom",
            page.absolute().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = re.findall(r"CONSOLE:\d+\] (.*)", done.stderr)
    return Visit(dom=done.stdout, console=console, requests=_requests(log))


def screenshot(page: Path, profile: Path, size: str, *more: str) -> bytes:
    """The page as PNG."""
    target = profile / "page.png"
    subprocess.run(
        [
            chromium(),
            *FLAGS,
            *more,
            "--hide-scrollbars",
            f"--user-data-dir={profile / 'profile'}",
            f"--window-size={size}",
            f"--screenshot={target}",
            page.absolute().as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return target.read_bytes()


def _requests(log: Path) -> list[str]:
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    urls = {str(event.get("params", {}).get("url", "")) for event in events}
    return sorted(
        url
        for url in urls
        if urlsplit(url).scheme in ("http", "https", "ws", "wss") and not _is_the_browsers_own(url)
    )


def _is_the_browsers_own(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".google.com", ".googleapis.com", ".gvt1.com"))
