"""Clusters that are made for a run: the seam through which the lab comes in.

Providers are entry points of the group ``aicr_pytest.clusters``; those of pytest-kubernetes are in
``managed_clusters``.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from aicr_pytest.errors import SettingsError

GROUP = "aicr_pytest.clusters"

Say = Callable[[str], None]


class ProvidedCluster(Protocol):
    """A cluster that runs."""

    @property
    def kubeconfig(self) -> Path:
        """How to reach it."""

    @property
    def simulated(self) -> bool:
        """Whether its accelerators are not real."""

    @property
    def description(self) -> str:
        """What it is, in words."""

    @property
    def started_here(self) -> bool:
        """Whether this run started it, and so has to stop it."""


class ClusterMaker(Protocol):
    """Starts and stops clusters by name. Its errors say, in one message, what to do."""

    def start(self, name: str, say: Say) -> ProvidedCluster:
        """The cluster of that name; one that runs already is used as it is."""

    def stop(self, name: str, say: Say) -> None:
        """Take it down, whole or half-made, with all that belongs to it."""

    def removal(self, name: str) -> str:
        """The command that does the same, to be pasted into a shell."""


class ClusterProvider(ClusterMaker, Protocol):
    """Knows also clusters that run already."""

    def running(self, name: str) -> Path | None:
        """The kubeconfig of the cluster of that name if it runs; starts nothing."""


def provider(name: str) -> ClusterProvider:
    """The provider of a name, e.g. ``lab``.

    Raises:
        SettingsError: it is not installed, or cannot be loaded here.
    """
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise SettingsError(f"{name}: no package on this machine provides it.")
    try:
        return cast(ClusterProvider, found[0].load()())
    except ImportError as error:
        raise SettingsError(
            f"{name}: it cannot be loaded: {error}.\n"
            f"  Install what it needs: pip install 'aicr-pytest[{name}]'"
        ) from error


def running_kubeconfig(kind: str, name: str) -> Path:
    """The kubeconfig of a provided cluster that runs already.

    Raises:
        SettingsError: it does not run, and these commands start none.
    """
    found = provider(kind).running(name)
    if found is None:
        raise SettingsError(f"--aicr-{kind}: the {kind} {name!r} does not run.")
    return found
