"""A fake API server that behaves a little like a cluster, and a run of the real client on it."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.kinds import Object
from tests.unit.cluster.fake_api import FakeApi

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

PATIENCE = 40.0
"""Seconds after which a test gives up on what it waits for."""

SUITE = """
    import threading
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    @pytest.fixture(scope="module")
    def world(aicr_exclusive, aicr_workspace):
        aicr_exclusive(2)
        workspace = aicr_workspace.at()
        for name in ("gpu", "neighbour"):
            workspace.pod({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name},
                "spec": {"containers": [{"name": "probe", "image": "probe"}]},
            })
        return workspace

    def wait(aicr_cluster):
        'Until the test lets us go on.'
        aicr_cluster.raw("GET", "/here")
        never = threading.Event()
        while aicr_cluster.raw("GET", "/go-on").text != "yes":
            never.wait(0.05)

    def test_it_holds_two(world, aicr_cluster, aicr_evidence):
        wait(aicr_cluster)
"""
MADE = ["leases", "leases", "leases", "namespaces", "pods", "pods", "priorityclasses"]


class LivingApi(FakeApi):
    """Makes what a namespace needs, and empties one that is deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = _Noticed(self.changed)
        self.texts |= {"/here": "yes", "/go-on": "no"}
        self.texts |= {"/collecting": "yes", "/reporting": "yes", "/reported": "no"}
        self.put(
            "/api/v1/nodes",
            {
                "metadata": {"name": "gpu-1", "labels": {"nvidia.com/gpu.product": "A100"}},
                "spec": {},
                "status": {
                    "allocatable": {"nvidia.com/gpu": "2"},
                    "capacity": {"nvidia.com/gpu": "2"},
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            },
        )

    def put(self, collection: str, obj: Object) -> Object:
        made = super().put(collection, obj)
        if collection == "/api/v1/namespaces":
            inside = f"{collection}/{obj['metadata']['name']}"
            super().put(f"{inside}/serviceaccounts", {"metadata": {"name": "default"}})
            super().put(f"{inside}/configmaps", {"metadata": {"name": "kube-root-ca.crt"}})
        return made

    def remove(self, path: str) -> None:
        super().remove(path)
        for inside in [key for key in self.objects if key.startswith(f"{path}/")]:
            super().remove(inside)

    def delete(self, path: str, options: Object) -> tuple[int, Object]:
        """As the cluster does: a namespace stays for as long as a pod in it does."""
        if path.split("/")[-2] == "namespaces":
            inside = any(key.startswith(f"{path}/pods/") for key in self.objects)
            self.gone_after["namespaces"] = self.gone_after.get("pods", 0.0) if inside else 0.0
        return super().delete(path, options)

    def let_pods_end(self) -> None:
        """Let all pods end that were deleted, and the namespaces that waited for them."""
        self.gone_after["pods"] = 0.0
        with self.changed:
            deleted = [p for p, o in self.objects.items() if "deletionTimestamp" in o["metadata"]]
        for path in deleted:
            self.remove(path)

    def until(self, what: Callable[[], object]) -> None:
        """Wait until it is so."""
        with self.changed:
            assert self.changed.wait_for(what, PATIENCE), "it never came to that"

    def let_go_on(self) -> None:
        self.texts["/go-on"] = "yes"

    def left(self) -> list[str]:
        """Resources of what is there of ours, e.g. ``pods``."""
        return sorted(path.split("/")[-2] for path in self._ours())

    def outermost(self) -> list[str]:
        """Names of what is there of ours and in no namespace of ours."""
        return [
            path.split("/")[-1] for path in self._ours() if "/namespaces/aicr-" not in path[:-1]
        ]

    def _ours(self) -> list[str]:
        with self.changed:
            objects = dict(self.objects)
        return [path for path, obj in objects.items() if labels.is_ours(obj)]


class _Noticed(list[tuple[str, str, str]]):
    """A list whose growth wakes those who wait for it."""

    def __init__(self, changed: threading.Condition) -> None:
        super().__init__()
        self._changed = changed

    def append(self, request: tuple[str, str, str]) -> None:
        with self._changed:
            super().append(request)
            self._changed.notify_all()


class Session:
    """A pytest process that runs the suite above, in a session of its own.

    Args:
        target: the options that say which cluster; None: the API server, by a kubeconfig.
        first: Python that the process runs before it becomes pytest.
        terminal: give it a terminal, which ``hang_up`` takes away.
    """

    def __init__(
        self,
        project: "Project",
        api: LivingApi,
        *arguments: str,
        target: str | None = None,
        environment: dict[str, str] | None = None,
        first: str = "pass",
        terminal: bool = False,
    ) -> None:
        self._api = api
        self.directory = project.path / "out"
        pytest = [sys.executable, "-m", "pytest", "-p", "fake_platform", "--aicr", "-m", "secure"]
        pytest += ["-n0"]  # unless the arguments say otherwise
        kubeconfig = api.kubeconfig(project.path)
        pytest += [target or f"--aicr-kubeconfig={kubeconfig}", *arguments]
        if terminal:
            first = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {first}"
            self._ours, theirs = os.openpty()
        else:
            self._ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import os, sys; {first}; os.execv(sys.argv[1], sys.argv[1:])",
                *pytest,
                f"--evidence-dir={self.directory}",
            ],
            cwd=project.path,
            env={**os.environ, "FAKE_API": "1", **(environment or {})},
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._said = b""
        self._deaf = threading.Event()
        self._heard = threading.Condition()
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own
        self.process.wait()
        self.hang_up()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # a terminal without a process answers so
            while not self._deaf.is_set():
                # Not in read(): that would keep the terminal open which hang_up closes.
                if not select.select([self._ours], [], [], 0.1)[0]:
                    continue
                if not (said := os.read(self._ours, 65536)):
                    return
                with self._heard:
                    self._said += said
                    self._heard.notify_all()

    def hang_up(self) -> None:
        """Close what it writes to."""
        self._deaf.set()
        self._ear.join(PATIENCE)
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    @property
    def said(self) -> str:
        with self._heard:
            return self._said.decode(errors="replace")

    def until_said(self, text: str) -> None:
        with self._heard:
            there = self._heard.wait_for(lambda: text.encode() in self._said, PATIENCE)
        assert there, f"never said {text!r}:\n{self.said}"

    def workers(self) -> list[int]:
        """Process ids of xdist's workers."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def send(self, name: str, *, group: bool = False) -> None:
        number = getattr(signal, name)
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self) -> int:
        """Wait for its end; the exit status."""
        status = self.process.wait(PATIENCE)
        self._ear.join(PATIENCE)
        return status

    @property
    def run(self) -> dict[str, Any]:
        """run.json."""
        loaded: dict[str, Any] = json.loads((self.directory / "run.json").read_text())
        return loaded

    def check_files(self) -> None:
        """Every file is whole."""
        for file in self.directory.rglob("*"):
            if file.suffix == ".json":
                json.loads(file.read_text())
            if file.suffix == ".jsonl":
                for line in file.read_text().splitlines():
                    json.loads(line)
            assert not file.name.startswith(".writing-")
