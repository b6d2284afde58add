"""What the client tells while it works: into the journal, and onto the terminal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_pytest.cluster.observer import Execution
    from aicr_pytest.evidence.store import EvidenceStore


class ClientObserver:
    """Tells the store and the terminal what the client does."""

    def __init__(
        self, store: "EvidenceStore", awaiting: Callable[[str, str, float, float], None]
    ) -> None:
        self._store = store
        self._awaiting = awaiting

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Append one request to the journal."""
        self._store.journal(method, path, status, seconds)

    def saw(self, execution: "Execution") -> None:
        """Do nothing: a check chooses what it cites, and the request is in the journal."""

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """Say on the terminal's live line what is waited for."""
        self._awaiting(what, seen, elapsed, timeout)
