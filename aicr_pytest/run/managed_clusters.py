"""Clusters that pytest-kubernetes makes for a run, with kind, k3d or minikube.

Its managers edit the user's kubeconfig when they delete (kind, k3d), or leave KUBECONFIG changed
(minikube). Here they work with a kubeconfig of the run's own, in a private directory.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_pytest.errors import AicrError, SettingsError
from aicr_pytest.run.cluster_providers import Say

_CREATION_SECONDS = 600.0
"""How long a program may take to make a cluster; the image of a node is pulled first."""
_READY_LOOKS = 120
"""How often the new API server is asked whether it is ready, a second apart."""
_SLICE = 0.5
"""Seconds between two looks at a deletion; signals are heard between them."""
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
        self._awaiting = awaiting
        self._left = left
        self._folder: Path | None = None

    def start(self, name: str, say: Say) -> ManagedCluster:
        """Make a cluster of that name.

        Raises:
            SettingsError: a package or a program is missing.
            AicrError: it could not be made; the message is the program's.
        """
        manager = self._manager(name)
        from pytest_kubernetes.options import ClusterOptions

        self._folder = Path(tempfile.mkdtemp(prefix="aicr-"))
        # Not there yet: of an empty one kubectl makes localhost:8080, which may be anybody's.
        kubeconfig = self._folder / "kubeconfig"
        what = self._what(name)
        say(f"making the {what}, Kubernetes {self._version}; its image may have to be pulled")
        seconds = _CREATION_SECONDS * self._scale
        options = ClusterOptions(
            api_version=self._version, kubeconfig_path=kubeconfig, cluster_timeout=seconds
        )
        try:
            with self._environment(), self._telling(f"{what}: being made", seconds):
                manager.create(options, timeout=max(1, round(_READY_LOOKS * self._scale)))
        except Exception as error:  # somebody else's code, and its words are all that helps
            raise AicrError(
                f"the {what} could not be made: {_words(error)}\n"
                "  --k8s-version names another Kubernetes, --aicr-timeout-scale allows more time."
            ) from error
        return ManagedCluster(kubeconfig=kubeconfig, description=what)

    def stop(self, name: str, say: Say) -> None:
        """Delete it, whole or half-made; nothing where nothing was begun.

        Raises:
            AicrError: it may be there still.
        """
        if self._folder is None:
            return
        manager = self._manager(name)
        what = self._what(name)
        say(f"deleting the {what}")
        failed: list[Exception] = []
        thread = threading.Thread(target=_delete, args=(manager, failed), daemon=True)
        seconds = float(manager._cluster_options.cluster_timeout)
        with self._environment(), self._telling(f"{what}: being deleted", seconds):
            thread.start()
            thread.join(_SLICE)  # also for whoever has left: the program shall have begun
            while thread.is_alive() and not self._left.is_set():
                thread.join(_SLICE)
        if thread.is_alive():
            raise AicrError("its deletion was not waited for")
        shutil.rmtree(self._folder, ignore_errors=True)
        if failed:
            raise AicrError(_words(failed[0]))

    def removal(self, name: str) -> str:
        """The command that deletes it, to be pasted into a shell."""
        return _REMOVALS[self._kind].format(_full(name))

    def _manager(self, name: str) -> Any:
        try:
            from pytest_kubernetes.providers import select_provider_manager
        except ImportError as error:
            raise SettingsError(
                f"pytest-kubernetes cannot be loaded: {error}.\n"
                "  Install it: pip install 'pytest-kubernetes>=0.9,<0.10'"
            ) from error
        manager = select_provider_manager(self._kind)
        for program in (manager.get_binary_name(), "kubectl"):
            if shutil.which(program) is None:
                raise SettingsError(
                    f"{self._kind} needs the program {program}, which is not on PATH.\n"
                    "  Install it, or let another make the cluster."
                )
        return manager(_full(name))

    def _what(self, name: str) -> str:
        return f"{self._kind} cluster {_full(name)}"

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        before = os.environ.get("KUBECONFIG")
        os.environ["KUBECONFIG"] = f"{self._folder}/kubeconfig"
        try:
            yield
        finally:
            del os.environ["KUBECONFIG"]
            if before is not None:
                os.environ["KUBECONFIG"] = before

    @contextlib.contextmanager
    def _telling(self, what: str, timeout: float) -> Iterator[None]:
        """Tell every second that it goes on."""
        over, begun = threading.Event(), time.monotonic()

        def tell() -> None:
            while not over.wait(1.0):
                self._awaiting(what, "not done yet", time.monotonic() - begun, timeout)

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _full(name: str) -> str:
    return f"pytest-{name}"  # as pytest-kubernetes calls every cluster


def _delete(manager: Any, failed: list[Exception]) -> None:
    # Programs inherit it: Ctrl-C reaches all that the terminal runs, and would break them off.
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    )
    try:
        manager.delete()
    except Exception as error:  # noqa: BLE001 - raised where somebody waits for it
        failed.append(error)


def _words(error: Exception) -> str:
    """What a program said at last, or the error itself."""
    if isinstance(error, subprocess.TimeoutExpired):
        head = f"not within {error.timeout:g} s"
    elif isinstance(error, subprocess.CalledProcessError):
        head = f"exit status {error.returncode}"
    else:
        return str(error).strip() or type(error).__name__
    said = (error.stderr or error.stdout or b"").decode(errors="replace").strip().splitlines()
    return "\n".join([head, *(f"  {line}" for line in said[-_SHOWN:])])
