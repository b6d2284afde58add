"""Names that a publication does not need: the same name always becomes the same pseudonym.

A pseudonym is a kind and a piece of a keyed hash, ``node-3fa9c1c2``. Whoever reads the evidence can
follow one node through every file; nobody can try names until the hash fits, because the key is
random, belongs to one run and is published nowhere.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Iterable

from aicr_pytest.evidence.redaction.alternatives import any_of

DIGITS = 8
"""Hexadecimal digits of a pseudonym: among 5000 nodes two share one in 0.3 % of all runs."""
PSEUDONYM = rf"[a-z]{{2,12}}-[0-9a-f]{{{DIGITS}}}"
"""Regular expression of what stands instead of a name."""

# What says nothing about anybody: addresses of this machine and of documentation.
_NOBODY = re.compile(r"(?i)localhost|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0|kubernetes(?:\.default.*)?")
# A name of one plain word ("minikube", "gpu") names nobody, and stands in many sentences.
_TELLING = re.compile(r"[0-9.@:_-]")
_SHORTEST = 4
# After "\\n" in quoted JSON and after a terminal's colour too.
_NAME_START, _NAME_END = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=[;\[][0-9]m)|(?<=[0-9][0-9]m))",
    r"(?![A-Za-z0-9])",
)


class Pseudonyms:
    """What each name is called in a publication; used from several threads.

    Args:
        key: of the run, the same in all its processes; empty: a new random one.
        learned: kinds and names that are known already.
    """

    def __init__(self, key: str = "", learned: Iterable[tuple[str, str]] = ()) -> None:
        self._key = (key or secrets.token_hex(16)).encode("ascii")
        self._kinds: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        for kind, name in learned:
            self.learn(kind, name)

    @property
    def learned(self) -> tuple[tuple[str, str], ...]:
        """Kinds and names so far, for another process of the run."""
        with self._lock:
            return tuple((kind, name) for name, kind in self._kinds.items())

    def learn(self, kind: str, name: str) -> None:
        """Call a name by its pseudonym from now on; names that name nobody are left as they are."""
        if len(name) < _SHORTEST or name in self._kinds or _NOBODY.fullmatch(name):
            return
        if not _TELLING.search(name) or re.fullmatch(PSEUDONYM, name):
            return
        with self._lock:
            self._kinds[name] = kind
            self._pattern = None

    def of(self, kind: str, name: str) -> str:
        """The pseudonym of a name, learned or not."""
        kind = self._kinds.get(name, kind)
        digest = hmac.new(
            self._key, name.lower().encode("utf-8", "backslashreplace"), hashlib.sha256
        )
        return f"{kind}-{digest.hexdigest()[:DIGITS]}"

    def apply(self, text: str) -> str:
        """The text with every learned name, where it stands as a word, as its pseudonym."""
        if not self._kinds:
            return text
        with self._lock:
            if self._pattern is None:
                self._pattern = re.compile(f"{_NAME_START}{any_of(list(self._kinds))}{_NAME_END}")
            pattern = self._pattern
        return pattern.sub(lambda match: self.of("", match[0]), text)
