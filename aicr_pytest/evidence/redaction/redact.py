"""Taking secrets out of what came from a cluster, before anything of it touches the disk.

What is taken out leaves a mark; redacting twice changes nothing. All patterns are linear in the
text, because the text is somebody else's and may be long and hostile.

Credentials are known by a block's form, by the name that stands before them, by where they stand
and by their own look, in this order: what is known by its name is taken out whole.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from aicr_pytest.choices import Publication
from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.redaction.blocks import without_pem, without_secret_data
from aicr_pytest.evidence.redaction.commands import without_placed
from aicr_pytest.evidence.redaction.identities import without_identities
from aicr_pytest.evidence.redaction.known_tokens import without_colours, without_tokens
from aicr_pytest.evidence.redaction.pairs import without_named
from aicr_pytest.evidence.redaction.pseudonyms import Pseudonyms
from aicr_pytest.evidence.redaction.redact_objects import Copy
from aicr_pytest.evidence.redaction.tables import without_columns

"""What a publication goes without: credentials alone; names of this platform's own as well; every
address, host, account and person as well."""

_WORD = re.compile(r"[A-Za-z0-9_-]{0,10}")
"""A word too short for a credential or an identity that is known by its look: most keys of objects,
which would cost more than all else."""


class Redactor:
    """Takes secrets out of text and of Kubernetes objects.

    Args:
        extra: regular expressions of the user; what they match is taken out as well.
        level: what is taken out for publication; credentials are at every level.
        key: of the run's pseudonyms, the same in all its processes; empty: a random one.
        learned: kinds and names that have pseudonyms already.

    Raises:
        SettingsError: one of them is not a regular expression.
    """

    def __init__(
        self,
        extra: Sequence[str] = (),
        *,
        level: Publication = "pseudonyms",
        key: str = "",
        learned: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._extra = [_compile(pattern) for pattern in extra]
        self._level = level
        self._pseudonyms = Pseudonyms(key, learned)

    @property
    def learned(self) -> tuple[tuple[str, str], ...]:
        """Kinds and names that have pseudonyms, for another process of the run."""
        return self._pseudonyms.learned

    def learn(self, kind: str, name: str) -> None:
        """Call a name of this platform by its pseudonym in whatever is published from now on."""
        self._pseudonyms.learn(kind, name)

    def text(self, text: str) -> str:
        """The text without secrets, with all names; for the terminal."""
        if not _WORD.fullmatch(text):
            text = _without_credentials(text)
            plain = without_colours(text)
            # Colours may stand between a name and its value, or within the value.
            if plain is not text and (clean := _without_credentials(plain)) != plain:
                text = clean
        for own in self._extra:
            text = own.sub("[redacted]", text)
        return text

    def publish(self, text: str) -> str:
        """The text without secrets and, as the level wants it, without names of the platform."""
        text = self.text(text)
        if self._level == "secrets":
            return text
        text = self._pseudonyms.apply(text)
        if _WORD.fullmatch(text):
            return text
        return without_identities(text, self._pseudonyms.of, every=self._level == "identities")

    def publishable(self, text: str) -> str:
        """A whole file of somebody else's making, as ``publish`` gives it."""
        return self.publish(text)

    def object(self, obj: Any) -> Any:
        """A copy of a Kubernetes object for publication, without secrets and ``managedFields``.

        Its strings are printable, so that JSON and YAML of it are; what is too much or too deep is
        left out, and says so.
        """
        return Copy(self).of(obj)


def _without_credentials(text: str) -> str:
    text = without_pem(text)
    text = without_secret_data(text)
    text = without_columns(text)
    text = without_named(text)
    text = without_placed(text)
    return without_tokens(text)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingsError(
            f"redaction pattern {pattern!r}: is not a regular expression: {error}."
        ) from error
