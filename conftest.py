"""What all tests of this repository share; they run without root and without the lab's extra."""

import os
import re
import signal
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_OF_THE_LAB = tuple(_ROOT / "tests" / name for name in ("lab", "truth", "unit/lab"))


_SIGNALS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}


def _why_no_lab() -> str:
    """Why the tests of the lab cannot be imported; empty where they can."""
    return "" if find_spec("cryptography") else "they need the lab's extra: pip install -e '.[lab]'"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what cannot be imported here."""
    return True if collection_path in _OF_THE_LAB and _why_no_lab() else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is left out, and why."""
    if config.rootpath != _ROOT:
        return []  # somebody runs the suite out of this checkout
    folders = ", ".join(str(folder.relative_to(_ROOT)) for folder in _OF_THE_LAB)
    return [f"left out: {folders}: {why}"] if (why := _why_no_lab()) else []


@pytest.fixture(autouse=True)
def _nothing_of_the_users_shell(request: pytest.FixtureRequest) -> None:
    """Keep the shell's kubeconfig, options and ignored signals out of our own tests."""
    if request.node.path.is_relative_to(_ROOT / "tests" / "conformance"):
        return
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name in list(os.environ):
        if name == "KUBECONFIG" or re.match("AICR_(?!LAB_)", name):
            monkeypatch.delenv(name)
    # nohup and shells in the background ignore some, and what a test starts would inherit that.
    if threading.current_thread() is threading.main_thread():
        for number, handler in _SIGNALS.items():
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, handler)
