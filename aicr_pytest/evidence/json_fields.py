"""Reading back what an earlier run, perhaps another version or a stranger, has written as JSON."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError

_NO_FILE = re.compile(r"[\x00-\x1f\x7f]|.{4096}", re.DOTALL)
"""What no name of a file of ours holds: control characters, and more than systems allow."""
_TOO_MUCH = 1e12
"""Seconds, which are all that is stored as a number with a point."""

SCHEMA = 1
"""Of run.json, record.json and manifest.json; raised when an old reader would misread it."""


class Fields:
    """The fields of one stored JSON object; a wrong type is a ``SettingsError`` that names it."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise SettingsError(f"{where}: an object is expected, found {type(data).__name__}.")
        self._data = data
        self._where = where

    def require_schema(self) -> None:
        """Refuse what a newer version wrote: guessing would misstate a verdict."""
        if (schema := self.integer("schema", 0)) not in range(1, SCHEMA + 1):
            raise SettingsError(
                f"{self._where}: schema {schema} is not readable by this version, which reads up to"
                f" {SCHEMA}. Use the version of aicr-pytest that wrote it."
            )

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without a default it has to be there."""
        return str(self._typed(name, str, default))

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        return int(self._typed(name, int, default))

    def optional_integer(self, name: str) -> int | None:
        """A whole number, or nothing."""
        return None if self._data.get(name) is None else self.integer(name)

    def number(self, name: str, default: float | None = None) -> float:
        """A number that can be told; JSON of Python knows others."""
        value = self._typed(name, (int, float), default)
        if not abs(value) < _TOO_MUCH:
            raise SettingsError(f"{self._where}: the field {name!r} is no time in seconds.")
        return float(value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        return bool(self._typed(name, bool, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; absent is empty."""
        return tuple(str(value) for value in self._typed(name, list, []))

    def mapping(self, name: str) -> dict[str, str]:
        """An object of strings; absent is empty."""
        return {str(k): str(v) for k, v in self._typed(name, dict, {}).items()}

    def counts(self, name: str) -> dict[str, int]:
        """An object of whole numbers; absent is empty."""
        fields = self.object(name)
        return {str(key): fields.integer(key) for key in self._typed(name, dict, {})}

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects; absent is empty."""
        items = self._typed(name, list, [])
        return [Fields(item, f"{self._where}: {name}[{i}]") for i, item in enumerate(items)]

    def object(self, name: str) -> "Fields":
        """An object; absent is empty."""
        return Fields(self._typed(name, dict, {}), f"{self._where}: {name}")

    def one_of(self, name: str, valid: tuple[str, ...]) -> str:
        """A string out of a closed set."""
        if (value := self.text(name)) not in valid:
            raise SettingsError(
                f"{self._where}: {name} is {value!r}; valid are {', '.join(valid)}."
            )
        return value

    def require_file_name(self, name: str) -> None:
        """Refuse what no file can be called, and what a reader could not make sense of."""
        value = self.text(name)
        if (
            _NO_FILE.search(value)
            or max(map(len, value.encode("utf-8", "replace").split(b"/"))) > 255
        ):
            shown = value if len(value) <= 60 else f"{value[:60]}…"
            raise SettingsError(f"{self._where}: {name} is no name of a file: {shown!r}.")

    def _typed(self, name: str, wanted: type | tuple[type, ...], default: Any) -> Any:
        value = self._data.get(name, default)
        if not isinstance(value, wanted):
            found = "nothing" if value is None else type(value).__name__
            raise SettingsError(f"{self._where}: the field {name!r} is missing or wrong ({found}).")
        return value


def read_fields(path: Path) -> Fields:
    """The object in a JSON file.

    Raises:
        SettingsError: the file is absent, unreadable or no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: is not JSON: {error}.") from error
    return Fields(data, str(path))


def to_bytes(data: Any) -> bytes:
    """JSON for people and for diff: two spaces, keys as given, one newline at the end.

    Non-ASCII is written as escapes, so that no lone surrogate can make the file unreadable.
    """
    return (json.dumps(data, indent=2, ensure_ascii=True) + "\n").encode("ascii")
