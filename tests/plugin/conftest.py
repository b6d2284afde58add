"""What the plugin's tests share: a project directory with a fake suite and a fake cluster."""

import importlib
import json
import os
import pkgutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import aicr_pytest
from tests.plugin.living_api import LivingApi

_ALWAYS = ("-p", "fake_platform", "-p", "no:hypothesispytest")
"""Hypothesis' plugin imports all of it at the end of each run: a third of the time of most."""

FAKE = Path(__file__).parent / "fake_platform.py"

SECURE = """
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    @pytest.mark.aicr_check(basis="text", creates="a pod", accelerators=2, seconds=3)
    def test_pod_sees_its_device(aicr_cluster):
        '''A pod sees its device.'''

    @pytest.mark.aicr_check(basis="plan", creates="a pod", seconds=4)
    def test_neighbour_sees_none(aicr_cluster):
        pass
"""
DRA = """
    import pytest

    pytestmark = pytest.mark.requirement("dra_support")

    def test_claim_is_allocated(aicr_cluster):
        pass
"""


@pytest.fixture(scope="session", autouse=True)
def _imported() -> None:
    """All of the plugin: pytester forgets what a run in this process imports, but not this.

    Not at the top of this file, which each worker of a run of the suite in the checkout reads.
    """
    for module in pkgutil.walk_packages(aicr_pytest.__path__, "aicr_pytest."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@dataclass
class Project:
    """A directory in which pytest runs."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        return self.pytester.path

    def suite(self, **modules: str) -> None:
        """Write the suite: requirement id → its module."""
        folder = self.path / ".package" / "suite" / "conformance"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in modules.items():
            (folder / f"test_{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")

    def ini(self, *lines: str) -> None:
        """Write the project's pytest configuration."""
        text = "\n".join(["[pytest]", *lines])
        (self.path / "pytest.ini").write_text(f"{text}\n", encoding="utf-8")

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process, one check after the other."""
        return self.pytester.runpytest_inprocess(*_ALWAYS, "-n0", *arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own, one check after the other if nothing else is said."""
        return self.run_as_it_comes("-n0", *arguments)

    def run_as_it_comes(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own, and say nothing of workers."""
        return self.pytester.runpytest_subprocess(*_ALWAYS, *arguments)

    @property
    def connections(self) -> list[str]:
        """Who connected to the cluster."""
        return _lines(self.path / "connections.txt")

    @property
    def lab(self) -> list[str]:
        """What was done to the lab."""
        return _lines(self.path / "lab.txt")

    def read_run(self, directory: str = "out") -> dict[str, Any]:
        """run.json of an evidence directory."""
        text = (self.path / directory / "run.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text)
        return loaded


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a suite of two requirements, of which every check passes."""
    (pytester.path / "fake_platform.py").write_text(FAKE.read_text(encoding="utf-8"))
    pytester.syspathinsert()
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    # The last is this process's own, where it is a worker itself.
    for name in ("PYTEST_ADDOPTS", "AICR_SUITE", "KUBECONFIG", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    made = Project(pytester)
    made.suite(secure_accelerator_access=SECURE, dra_support=DRA)
    return made


@pytest.fixture
def api() -> Iterator[LivingApi]:
    """An API server that behaves a little like a cluster."""
    living = LivingApi()
    with living:
        yield living


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
