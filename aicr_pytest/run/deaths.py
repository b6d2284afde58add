"""Which check died with its worker, told through a folder that outlives the worker."""

import contextlib
import json
from pathlib import Path

from aicr_pytest.evidence.files import write_atomically

_DIED = "died.json"
_BUSY = ".busy"


class Deaths:
    """One process's part in it: it notes what it is busy with, and reads what others died over.

    Args:
        folder: that the processes of a run share; None: this process is alone.
        worker: name of this one; empty for the controller.
    """

    def __init__(self, folder: Path | None, worker: str) -> None:
        self._folder = folder
        self._worker = worker

    def busy_with(self, nodeid: str) -> None:
        """Note the check that this process is busy with; empty once it has ended."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / f"{self._worker}{_BUSY}").write_text(nodeid, encoding="utf-8")

    @property
    def busy(self) -> dict[str, str]:
        """The check that each process is busy with, where with one: worker → node id."""
        found = {}
        for file in self._folder.glob(f"*{_BUSY}") if self._folder else ():
            with contextlib.suppress(OSError):
                found[file.stem] = file.read_text(encoding="utf-8")
        return {worker: nodeid for worker, nodeid in found.items() if nodeid}

    def busy_since(self, worker: str) -> int:
        """When a process has told so last, in nanoseconds of the folder's clock.

        Raises:
            OSError: it never has.
        """
        if self._folder is None:
            raise FileNotFoundError(worker)
        return (self._folder / f"{worker}{_BUSY}").stat().st_mtime_ns

    def bury(self, worker: str) -> str:
        """Note that a worker has died; the check that it was busy with, empty where with none."""
        if self._folder is None:
            return ""
        with contextlib.suppress(OSError):
            nodeid = (self._folder / f"{worker}{_BUSY}").read_text(encoding="utf-8")
            if nodeid:
                died = {**self.told, nodeid: f"Worker {worker} died while it ran this check."}
                write_atomically(self._folder / _DIED, json.dumps(died).encode())
            return nodeid
        return ""

    @property
    def told(self) -> dict[str, str]:
        """Checks whose worker died over them: node id → what happened."""
        if self._folder is None:
            return {}
        try:
            return dict(json.loads((self._folder / _DIED).read_bytes()))
        except (OSError, ValueError):
            return {}
