"""How a client comes to the API server, for trials: a proxy, a token that is renewed midway."""

import json
from pathlib import Path

import pytest

from aicr_lab.defects.injections.api_access import RenewedToken
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until
from aicr_lab.state import write_private

ANY = "0.0.0.0"
CLOSED = "http://127.0.0.1:9"
"""A proxy that is not there: whoever asks it gets no answer."""
MIDWAY = 40
"""Requests after which a run is under way, and far from its end."""
BEGUN = 120.0
"""Seconds within which it is, with three labs on two cores."""


def requests_of(run: Path) -> list[str]:
    """What a run has asked the API server so far, a line each."""
    journals = (run / "evidence").glob("requests*.jsonl")
    return [line for journal in journals for line in journal.read_text().splitlines()]


def renewed_midway(user: RenewedToken, lab: Lab, run: Path) -> None:
    """End the token that a run uses once it is under way."""
    assert wait_until(lambda: len(requests_of(run)) >= MIDWAY, BEGUN, every=0.2), "it has not begun"
    user.renew(lab)


def not_by_loopback(lab: Lab, kubeconfig: Path) -> Path:
    """Write a kubeconfig by an address that is no loopback's, since no proxy is asked for those.

    Linux takes 0.0.0.0 for this machine; it is nobody's for whoever chooses a proxy.
    """
    content = json.loads(lab.kubeconfig.read_text())
    named = {"server": f"https://{ANY}:{lab.port}", "tls-server-name": "127.0.0.1"}
    content["clusters"][0]["cluster"].update(named)
    write_private(kubeconfig, json.dumps(content))
    return kubeconfig


def behind_a_proxy(monkeypatch: pytest.MonkeyPatch, *, but_for: str) -> None:
    """The environment of a corporate machine."""
    for name, value in (("https_proxy", CLOSED), ("no_proxy", but_for)):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.upper(), value)
