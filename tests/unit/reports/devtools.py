"""A headless browser that is spoken to: what a page looks like at a size, and what it answers."""

import base64
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

from tests.unit.reports.browser import FLAGS, chromium

_PATIENCE = 300.0
"""Seconds for the browser to start, and for one answer."""


class Tab:
    """One page in the browser, spoken to in the DevTools protocol."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said: list[str] = []
        """What stood on the console, and exceptions that nobody caught."""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to one command; events that come before it are noted."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                return dict(told["result"])
            self._hear(told)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is in the page; promises are awaited."""
        came = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in came, came["exceptionDetails"]
        return came["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Show the page in a window of this size."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def prefer(self, scheme: str) -> None:
        """Show the page to somebody who prefers ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page from the disk, to its end."""
        self.ask("Page.navigate", url=page.absolute().as_uri() + fragment)
        deadline = time.monotonic() + _PATIENCE
        while self.value("document.readyState") != "complete":
            assert time.monotonic() < deadline, "the page does not come to its end"

    def picture(self, selector: str = "html") -> bytes:
        """What an element looks like, as PNG."""
        box = self.value(
            f"(e => {{const r = e.getBoundingClientRect(); return {{x: r.x + scrollX, "
            f"y: r.y + scrollY, width: r.width, height: Math.min(r.height, 8000), scale: 1}}}})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        shot = self.ask("Page.captureScreenshot", clip=box, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def window(self, width: int, height: int, scale: float) -> bytes:
        """What a window of this size shows, without scrollbars, made smaller, as PNG."""
        self.ask("Emulation.setScrollbarsHidden", hidden=True)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip
        return base64.b64decode(self.ask("Page.captureScreenshot")["data"])

    def printed(self) -> bytes:
        """The page on paper, as PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def _hear(self, told: dict[str, Any]) -> None:
        if told.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.said.append(json.dumps(told["params"]))
        elif told.get("method") == "Log.entryAdded":
            self.said.append(str(told["params"]["entry"]["text"]))


@contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """A browser with one empty page."""
    command = [
        chromium(), *FLAGS, "--remote-debugging-port=0", "--remote-allow-origins=*",
        f"--user-data-dir={profile / 'devtools'}", "about:blank",
    ]  # fmt: skip
    with (
        (profile / "browser.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as browser,
    ):
        try:
            socket = create_connection(_address(profile / "devtools"), timeout=_PATIENCE)
            spoken = Tab(socket)
            for domain in ("Page", "Runtime", "Log"):
                spoken.ask(f"{domain}.enable")
            yield spoken
            socket.close()
        finally:
            browser.terminate()


def _address(profile: Path) -> str:
    """Where the browser's first page listens; its file comes once it does."""
    from urllib.request import urlopen

    deadline = time.monotonic() + _PATIENCE
    file = profile / "DevToolsActivePort"
    while not (file.exists() and file.read_text().count("\n")):
        assert time.monotonic() < deadline, "the browser does not start"
        time.sleep(0.05)
    port = file.read_text().splitlines()[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_PATIENCE) as answer:
        pages = [one for one in json.load(answer) if one["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
