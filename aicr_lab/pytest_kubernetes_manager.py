"""The lab for pytest-kubernetes: its ``k8s`` fixture gets a lab instead of kind or k3d.

In a ``conftest.py``::

    from aicr_lab.pytest_kubernetes_manager import k8s_manager  # overrides pytest-kubernetes' own
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_kubernetes.options import ClusterOptions
from pytest_kubernetes.providers.base import AClusterManager

from aicr_lab import startup
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab


class LabManager(AClusterManager):  # type: ignore[misc]  # it ships no types
    """A lab as pytest-kubernetes manages clusters; named ``pytest-…`` as all of its clusters.

    A lab that runs already is used and left alone. The manager works on a copy of the lab's
    kubeconfig: pytest-kubernetes deletes the file that it was given.
    """

    _cluster_options: ClusterOptions
    # The base class takes a cluster for its own until it has looked; a lab is ours once we made it.
    _created = False
    _copy: Path | None = None

    @classmethod
    def get_binary_name(cls) -> str:
        """The program that must be on PATH; the lab itself needs none."""
        return "kubectl"

    @property
    def lab(self) -> Lab:
        """The lab that is managed."""
        return Lab(self.cluster_name)

    def create(
        self, cluster_options: ClusterOptions | None = None, timeout: int = 20, **kwargs: Any
    ) -> None:
        """Brings the lab up, or finds it running.

        Not the base class' way: that one asks a kubeconfig that does not exist for two seconds.
        """
        if cluster_options:
            merged: ClusterOptions = self._cluster_options | cluster_options
            self._cluster_options = merged
        self._on_create(self._cluster_options, **kwargs)

    def delete(self) -> None:
        """Take the lab down if this manager brought it up; remove the copied kubeconfig."""
        if self._created:
            self._on_delete()
            self._created = False
        # A kubeconfig that the manager was given is its user's, and stays.
        if self._copy is not None:
            self._copy.unlink(missing_ok=True)
            self._copy = self._cluster_options.kubeconfig_path = None

    def load_image(self, image: str) -> None:
        """Load images from an OCI or Docker archive: there is no daemon to take them from."""
        archive = Path(image)
        if not archive.is_file():
            raise LabError(f"{image} is not an archive of images", hint="docker save -o FILE IMAGE")
        self.lab.import_images(archive)

    def _on_create(self, cluster_options: ClusterOptions, **kwargs: Any) -> None:
        self._created = startup.up(self.lab, None, lambda _: None)
        handle, name = tempfile.mkstemp(prefix="aicr-lab-", suffix=".kubeconfig")
        with os.fdopen(handle, "wb") as copy:
            copy.write(self.lab.kubeconfig.read_bytes())
        self._copy = self._cluster_options.kubeconfig_path = Path(name)

    def _on_delete(self) -> None:
        self.lab.down(lambda _: None)


@pytest.fixture(scope="session")
def k8s_manager() -> Callable[[str | None], type[LabManager]]:
    """pytest-kubernetes' choice of a provider: the lab, whatever is asked for."""

    def choose(provider: str | None = None) -> type[LabManager]:
        return LabManager

    return choose
