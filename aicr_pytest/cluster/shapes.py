"""A mapping that a user wrote, read field by field: what has another shape is said by its place.

Values are never quoted: they may be credentials.
"""

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mapping of a kubeconfig. An absent field and ``null`` are the same, as for kubectl."""

    where: str
    """Where it stands, e.g. ``Kubeconfig config: users[jane].user``."""
    folder: Path = Path()
    """The folder of its file, from which relative paths lead."""
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What it holds."""

    @classmethod
    def of(cls, value: object, where: str, folder: Path) -> "Section":
        """A section out of whatever YAML gave.

        Raises:
            SettingsError: it is no mapping.
        """
        if value is None:
            return cls(where=where, folder=folder)
        if not isinstance(value, dict):
            raise SettingsError(f"{where}: must be a mapping, and is {_kind(value)}.")
        return cls(where=where, folder=folder, fields=value)

    def __contains__(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.fields.get(name) is not None

    def text(self, name: str) -> str:
        """A text; empty where there is none.

        Raises:
            SettingsError: it is something else.
        """
        return self._text(self.fields.get(name), f"{self.where}.{name}")

    def texts(self, name: str) -> list[str]:
        """A list of texts.

        Raises:
            SettingsError: it is something else.
        """
        return [
            self._text(item, f"{self.where}.{name}[{index}]")
            for index, item in enumerate(self._list(name))
        ]

    def flag(self, name: str) -> bool:
        """True or false; false where there is none.

        Raises:
            SettingsError: it is something else.
        """
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise SettingsError(f"{self.where}.{name}: must be true or false, and is {_kind(value)}.")

    def section(self, name: str) -> "Section":
        """A mapping inside; an empty one where there is none.

        Raises:
            SettingsError: it is something else.
        """
        return Section.of(self.fields.get(name), f"{self.where}.{name}", self.folder)

    def sections(self, name: str) -> list["Section"]:
        """A list of mappings.

        Raises:
            SettingsError: it is something else.
        """
        return [
            Section.of(item, f"{self.where}.{name}[{index}]", self.folder)
            for index, item in enumerate(self._list(name))
        ]

    def path(self, name: str) -> str:
        """A path, from the file's own folder; empty where there is none."""
        return str(self.folder / self.text(name)) if self.text(name) else ""

    def data(self, name: str) -> bytes:
        """What a text holds in base64; empty where there is none.

        Raises:
            SettingsError: it is no base64.
        """
        try:
            return base64.b64decode("".join(self.text(name).split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise SettingsError(f"{self.where}.{name}: is not base64.") from error

    def _list(self, name: str) -> list[Any]:
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise SettingsError(f"{self.where}.{name}: must be a list, and is {_kind(value)}.")
        return value

    def _text(self, value: object, where: str) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise SettingsError(
                f"{where}: must be a text, and is {_kind(value)}."
                + (" Put it in quotes." if not isinstance(value, dict | list) else "")
            )
        return value


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return {bool: "true or false", str: "a text"}.get(type(value), f"a {type(value).__name__}")


def token_in(text: str, where: str) -> str:
    """The token that a text holds, blanks around it left out; never part of an error.

    Raises:
        SettingsError: it holds none, or what cannot be sent in a header.
    """
    token = text.strip()
    if not token:
        raise SettingsError(f"{where}: holds no token.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            f"{where}: holds something that is no token: a blank, a line break in the middle, or"
            " bytes that are no text."
        )
    return token
