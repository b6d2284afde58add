from pathlib import Path

import pytest

from aicr_lab import startup
from aicr_lab.errors import LabError
from aicr_lab.pytest_kubernetes_manager import LabManager


class _Lab:
    """A lab that comes up, or does not."""

    def __init__(self, kubeconfig: Path, broken: bool = False) -> None:
        self.kubeconfig, self.broken = kubeconfig, broken

    def down(self, *_: object) -> None:
        """Nothing is there."""


def _up(lab: _Lab, *_: object) -> bool:
    if lab.broken:
        raise LabError("no")
    return True


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubectl is wanted here."""
    monkeypatch.setattr(LabManager, "_ensure_executable", lambda self: None)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("created", [False, True])
def test_a_kubeconfig_of_the_users_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, created: bool
) -> None:
    users, labs = tmp_path / "users", tmp_path / "labs"
    users.write_text("precious")
    labs.write_text("the lab's")
    monkeypatch.setattr(startup, "up", _up)
    monkeypatch.setattr(LabManager, "lab", _Lab(labs, broken=not created))
    manager = LabManager("a", kubeconfig=users)
    if created:
        manager.create()
        copy = manager.kubeconfig
        assert copy not in (users, labs)
        manager.delete()
        assert not copy.exists()
    else:
        with pytest.raises(LabError):
            manager.create()
        manager.delete()
    assert users.read_text() == "precious"
    assert labs.read_text() == "the lab's"
