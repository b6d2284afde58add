"""Clusters that pytest-kubernetes makes for a run, with kind, k3d or minikube.

Its managers say what is run; how, is said here. They would let a program edit the user's kubeconfig
(kind and k3d when they delete), change KUBECONFIG for good (minikube), and end the shell around a
program but not the program.
"""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_pytest.errors import AicrError, SettingsError
from aicr_pytest.run.cluster_providers import Say

_SECONDS = 600.0
"""How long a program may take; the image of a node is pulled first."""
_READY_LOOKS = 120
"""How often the new API server is asked whether it is ready, a second apart."""
_NOT_WAITED = 0.5
"""Seconds for a deletion to begin, once the user waits for nothing."""
_SHOWN = 12
"""Lines of a program's last words."""
_REMOVALS = {
    "kind": "kind delete cluster --name {}",
    "k3d": "k3d cluster delete {}",
    "minikube": "minikube delete -p {}",
}

Awaiting = Callable[[str, str, float, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedCluster:
    """A cluster that runs."""

    kubeconfig: Path
    """The run's own."""
    description: str
    """What it is, in words."""
    started_here: bool = True
    """It is never one that was there."""
    simulated: bool = False
    """Its accelerators are whatever its nodes say."""


class ManagedClusters:
    """Makes and deletes clusters by name, through a manager of pytest-kubernetes.

    Args:
        kind: ``kind``, ``k3d`` or ``minikube``.
        version: Kubernetes' own, e.g. ``1.37.0``.
        scale: factor of every deadline.
        awaiting: told every second what is awaited, and for how long.
        left: set once the user waits for nothing any more.
    """

    def __init__(
        self, kind: str, *, version: str, scale: float, awaiting: Awaiting, left: threading.Event
    ) -> None:
        self._kind = kind
        self._version = version.removeprefix("v")
        self._scale = scale
        self._seconds = _SECONDS * scale
        self._awaiting = awaiting
        self._left = left
        self._folder: Path | None = None

    def start(self, name: str, say: Say) -> ManagedCluster:
        """Make a cluster of that name; ``stop`` removes it also where this raises.

        Raises:
            SettingsError: a package or a program is missing.
            AicrError: it could not be made; the message is the program's.
        """
        manager, what = self._manager(name), self._what(name)
        self._folder = Path(tempfile.mkdtemp(prefix="aicr-"))
        from pytest_kubernetes.options import ClusterOptions

        options = ClusterOptions(
            api_version=self._version,
            # Not there yet: of an empty one kubectl makes localhost:8080, which may be anybody's.
            kubeconfig_path=self._folder / "kubeconfig",
            cluster_timeout=self._seconds,
        )
        say(f"making the {what}, Kubernetes {self._version}; its image may have to be pulled")
        try:
            with self._telling(f"{what}: being made"):
                manager.create(options, timeout=max(1, round(_READY_LOOKS * self._scale)))
        except Exception as error:  # somebody else's code, and its words are all that helps
            raise AicrError(
                f"the {what} could not be made: {error}\n"
                "  --k8s-version names another Kubernetes, --aicr-timeout-scale allows more time."
            ) from error
        return ManagedCluster(kubeconfig=self._folder / "kubeconfig", description=what)

    def stop(self, name: str, say: Say) -> None:
        """Delete it, whole or half-made; nothing where nothing was begun.

        Raises:
            AicrError: it may be there still.
        """
        if self._folder is None:
            return
        what = self._what(name)
        say(f"deleting the {what}")
        with self._telling(f"{what}: being deleted"):
            self._manager(name, deleting=True).delete()
        shutil.rmtree(self._folder, ignore_errors=True)

    def removal(self, name: str) -> str:
        """The command that deletes it, to be pasted into a shell."""
        return _REMOVALS[self._kind].format(_full(name))

    def _manager(self, name: str, *, deleting: bool = False) -> Any:
        try:
            from pytest_kubernetes.providers import select_provider_manager
        except ImportError as error:
            raise SettingsError(
                f"pytest-kubernetes cannot be loaded: {error}.\n"
                "  Install it: pip install 'pytest-kubernetes>=0.9,<0.10'"
            ) from error
        kind = select_provider_manager(self._kind)
        for program in (kind.get_binary_name(), "kubectl"):
            if shutil.which(program) is None:
                raise SettingsError(
                    f"{self._kind} needs the program {program}, which is not on PATH.\n"
                    "  Install it, or let another make the cluster."
                )
        manager = kind(_full(name))
        manager._exec = functools.partial(
            self._run, shutil.which(kind.get_binary_name()), deleting=deleting
        )
        return manager

    def _what(self, name: str) -> str:
        return f"{self._kind} cluster {_full(name)}"

    def _run(
        self,
        program: str,
        arguments: Sequence[str],
        additional_env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        *,
        deleting: bool,
    ) -> None:
        """Run a command of a manager, which writes for a shell, in a session of its own.

        So Ctrl-C reaches only us: what makes a cluster is then killed with all that it started,
        what deletes one goes on. It speaks into a file, which takes its words also once we are
        gone.
        """
        assert self._folder is not None
        log = self._folder / "log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                f"exec {' '.join([program, *arguments])}",
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "KUBECONFIG": f"{self._folder}/kubeconfig"},
                start_new_session=True,
            )
        seconds = timeout or self._seconds
        if deleting:
            seconds = _NOT_WAITED if self._left.is_set() else max(seconds, _SECONDS)
        try:
            status = process.wait(seconds)
        except BaseException as error:
            if deleting:
                threading.Thread(target=process.wait, daemon=True).start()
            else:
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise AicrError(f"not within {seconds:g} s{_words(log)}") from error
            raise
        if status != 0:
            raise AicrError(f"exit status {status}{_words(log)}")

    @contextlib.contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Tell every second that it goes on."""
        over, begun = threading.Event(), time.monotonic()

        def tell() -> None:
            while not over.wait(1.0):
                self._awaiting(what, "not done yet", time.monotonic() - begun, self._seconds)

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _full(name: str) -> str:
    return f"pytest-{name}"  # as pytest-kubernetes calls every cluster


def _words(log: Path) -> str:
    """A program's last lines, each on one of its own."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "".join(f"\n  {line}" for line in lines[-_SHOWN:])
