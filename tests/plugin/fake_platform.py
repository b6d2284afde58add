"""A pytest plugin that gives a run a suite of its own and a cluster that is only an object.

Loaded with ``-p fake_platform`` from a copy in the test's directory, so that it works in process,
in a subprocess and in xdist workers alike. What the cluster does comes from the environment.
"""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest import errors

HERE = Path(__file__).parent


class FakeCluster:
    """Answers what a run asks before its first check."""

    context = "fake"
    server = "https://fake.example:6443"
    clock_ahead = 0
    verified = "FAKE_INSECURE" not in os.environ

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    @classmethod
    def connect(
        cls, *, run_id: str, observer: Any = None, clean: Any = None, **target: Any
    ) -> "FakeCluster":
        with (HERE / "connections.txt").open("a", encoding="utf-8") as log:
            log.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {run_id} {target}\n")
        if name := os.environ.get("FAKE_REFUSAL"):
            raise getattr(errors, name)("the cluster says no")
        cluster = cls(run_id)
        cluster.observer = observer  # type: ignore[attr-defined]
        return cluster

    def version(self) -> str:
        return os.environ.get("FAKE_VERSION", "v1.37.2")

    def spoken(self, kind: Any) -> Any:
        return kind

    def serves(self, group: str, version: str) -> list[str]:
        return []

    def list(self, kind: Any, namespace: str | None = None, **selectors: str) -> list[Any]:
        return []

    def get(self, kind: Any, name: str, namespace: str | None = None) -> Any:
        raise errors.ApiError(404, "NotFound", f"no {name}", request=f"GET {namespace}/{name}")

    def can(self, verb: str, resource: str, **where: str) -> bool:
        return f"{verb} {resource}" not in os.environ.get("FAKE_FORBIDDEN", "")


class FakeLab:
    """A provider whose cluster costs nothing."""

    class Provided:
        kubeconfig = HERE / "lab.kubeconfig"
        simulated = True
        description = "fake lab"
        started_here = True

    def start(self, name: str, say: Any) -> "FakeLab.Provided":
        if trouble := os.environ.get("FAKE_LAB_TROUBLE"):
            raise RuntimeError(trouble)
        say(f"starting {name}")
        self._note(f"start {name}")
        return self.Provided()

    def stop(self, name: str, say: Any) -> None:
        self._note(f"stop {name}")

    def removal(self, name: str) -> str:
        return f"fake down {name}"

    def _note(self, line: str) -> None:
        with (HERE / "lab.txt").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # By their full names: the attribute of a package may be a module of an earlier run.
    names = ("locations", "cluster.client", "cluster.messages", "run.outage", "run.session")
    modules = [importlib.import_module(f"aicr_pytest.{name}") for name in names]
    locations, client, messages, outage, session = modules
    patch = pytest.MonkeyPatch()
    early_config.add_cleanup(patch.undo)
    patch.setattr(locations, "_PACKAGE", HERE / ".package")
    if "FAKE_API" not in os.environ:  # then the real client talks to a fake API server
        patch.setattr(client, "Cluster", FakeCluster)
    if seconds := os.environ.get("FAKE_PATIENCE"):
        little = messages.RetryPolicy(seconds=0.2, first=0.01, longest=0.05)
        patch.setattr(client, "RetryPolicy", lambda: little)
        patch.setattr(outage, "PATIENCE", float(seconds))
    patch.setattr(session, "provider", lambda name: FakeLab())
