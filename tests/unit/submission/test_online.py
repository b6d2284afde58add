"""URLs and the landscape are asked for only when the user wants it, each once."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import urllib3

from aicr_pytest.submission import online
from aicr_pytest.submission.rule import Whose
from aicr_pytest.submission.submitted import read_submitted
from tests.unit.submission import world
from tests.unit.submission.test_validate import GOOD

LANDSCAPE = """\
landscape:
  - {name: Others, subcategories: [{items: [{name: Retro}]}]}
  - name: CNCF Members
    subcategories:
      - {name: Gold, items: [{name: Babbage (member)}, {name: null}]}
"""


class Answering(BaseHTTPRequestHandler):
    """Answers with the number that the path ends with; GET may differ from HEAD."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def _answer(self, method: str) -> None:
        self.asked.append(f"{method} {self.path}")
        name = self.path.rpartition("/")[2]
        status = 405 if name == "shy" and method == "HEAD" else int(name) if name.isdigit() else 200
        body = LANDSCAPE.encode() if name == "landscape" and method == "GET" else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Answering.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def findings(tmp_path: Path, server: str, path: str, text: str = GOOD) -> dict[str, list[str]]:
    """Rule → what it says, of a submission whose URLs are all of this server."""
    text = text.replace("https://babbage.example/gangs", f"{server}/{path}")
    for name in ("engine", "docs", "engine.svg"):
        text = text.replace(f"https://babbage.example/{name}\n", f"{server}/{name}\n")
    text = text.replace("https://github.com", server)
    submitted = read_submitted(
        world.submission(world.checkout(tmp_path / "co"), text, nodes__md="x"), None
    )
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        rules = online.online_rules(online.Network(pool), f"{server}/landscape")
        return {rule.name: list(rule.look(submitted)) for rule in rules}


def test_urls_that_answer_are_fine(tmp_path: Path, server: str) -> None:
    assert findings(tmp_path, server, "shy") == {
        "url-answers": [],
        "url-answers-or-is-busy": [],
        "vendor-is-a-member": [],
    }
    assert Answering.asked.count("HEAD /engine") == 1
    assert "GET /engine" not in Answering.asked


def test_url_that_is_gone_is_named_with_what_it_is_for(tmp_path: Path, server: str) -> None:
    found = findings(tmp_path, server, "404")

    assert found["url-answers"] == [f"gang_scheduling: {server}/404 answers 404"]
    assert found["url-answers-or-is-busy"] == found["url-answers"]


def test_busy_server_is_forgiven_since_september(tmp_path: Path, server: str) -> None:
    found = findings(tmp_path, server, "429")

    assert found["url-answers"] == [f"gang_scheduling: {server}/429 answers 429"]
    assert found["url-answers-or-is-busy"] == []


def test_server_that_is_not_there_is_said(tmp_path: Path, server: str) -> None:
    text = GOOD.replace("https://babbage.example/gangs", "http://127.0.0.1:1/x")
    (said,) = findings(tmp_path, server, "", text)["url-answers"]

    assert said.startswith("gang_scheduling: http://127.0.0.1:1/x does not answer: ")


@pytest.mark.parametrize("vendor", ["Retro", "babbage"])
def test_vendor_that_is_no_member_is_named(tmp_path: Path, server: str, vendor: str) -> None:
    found = findings(tmp_path, server, "", GOOD.replace("Babbage", vendor))

    assert found["vendor-is-a-member"] == [
        f"metadata.vendorName: '{vendor}' is no member in the CNCF landscape"
    ]


def test_rules_of_the_network_are_the_programmes() -> None:
    assert {whose for rule in online.online_rules() for whose in rule.whose} == {
        Whose.AUGUST,
        Whose.SEPTEMBER,
    }
