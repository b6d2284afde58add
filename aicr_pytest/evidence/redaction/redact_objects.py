"""A copy of a Kubernetes object for publication."""

import json
from typing import Any, Protocol

from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.redaction.sensitive_names import (
    Sensitivity,
    is_credential,
    is_placeholder,
    looks_secret,
    sensitivity,
)

MARK = "[redacted]"
_DEEPEST = 100
"""Levels of an object that are kept; real ones have below 50, and the YAML writer recurses."""
_MOST_VALUES = 200_000
"""Values of an object that are kept; a ResourceSlice of 10 000 devices has 150 000."""
_MOST_CHARACTERS = 4 * 1024 * 1024
"""Of all its strings together."""
_MOST_ARGUMENTS = 200
"""Texts of a list that is looked at as one command; longer ones are none."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LEFT_OUT = "[the rest is too much, left out]"
_NAMED_BY = ("name", "Name", "key", "Key")


class Texts(Protocol):
    """Who makes strings publishable: the redactor."""

    def publish(self, text: str) -> str:
        """A string without secrets and names."""

    def learn(self, kind: str, name: str) -> None:
        """Take note of a name that is to have a pseudonym."""


class Copy:
    """One copy, with what may still go into it."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._values = _MOST_VALUES
        self._characters = _MOST_CHARACTERS

    def of(self, obj: Any) -> Any:
        """The copy."""
        self._learn_nodes(obj)
        return self._value(obj, _DEEPEST)

    def _learn_nodes(self, obj: Any) -> None:
        """Nodes may have come while the run went on."""
        for one in obj if isinstance(obj, list) else [obj]:
            if not isinstance(one, dict):
                continue
            metadata, spec = one.get("metadata"), one.get("spec")
            if one.get("kind") == "Node" and isinstance(metadata, dict):
                self._texts.learn("node", str(metadata.get("name", "")))
            if isinstance(spec, dict) and isinstance(spec.get("nodeName"), str):
                self._texts.learn("node", spec["nodeName"])

    def _value(self, value: Any, levels: int) -> Any:
        self._values -= 1
        if self._values < 0 or self._characters < 0:
            return _LEFT_OUT
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return f"[{len(value)} bytes]"
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if levels <= 0:
            return f"[deeper than {_DEEPEST} levels, left out]"
        if isinstance(value, dict):
            return self._mapping(value, levels - 1)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, levels - 1)
        return self._text(str(value))

    def _text(self, text: str) -> str:
        # Cut first: a string that is longer than all that is kept costs no more than that.
        if len(text) > self._characters:
            text = f"{text[: max(self._characters, 0)]}{_LEFT_OUT}"
        self._characters -= len(text)
        return printable(self._texts.publish(text))

    def _sequence(self, values: Any, levels: int) -> list[Any]:
        kept: list[Any] = []
        flag = ""
        for value in values:
            if self._values < 0 or self._characters < 0:
                kept.append(_LEFT_OUT)
                break
            if flag and isinstance(value, str) and not value.startswith("-"):
                kept.append(MARK if is_credential(flag, value) else self._value(value, levels))
                flag = ""
                continue
            flag = _flag(value)
            kept.append(self._value(value, levels))
        return self._as_command(values, kept)

    def _as_command(self, values: Any, kept: list[Any]) -> list[Any]:
        """Arguments without those that are credentials by where they stand in their command."""
        if not 1 < len(kept) <= _MOST_ARGUMENTS or not all(isinstance(one, str) for one in values):
            return kept
        line = " ".join(values)
        if len(line) > self._characters or (clean := self._texts.publish(line)) == line:
            return kept
        return [MARK if looks_secret(one) and one not in clean else one for one in kept]

    def _mapping(self, mapping: dict[Any, Any], levels: int) -> dict[str, Any]:
        if mapping.get("kind") == "Secret":
            mapping = _without_secret_data(mapping)
        elif mapping.get("kind") == "SecretList":
            mapping = {**mapping, "items": _secrets(mapping.get("items"))}
        # An environment variable of a container, a header of its probe, a parameter.
        names = [mapping[name] for name in _NAMED_BY if isinstance(mapping.get(name), str)]
        kept: dict[str, Any] = {}
        for name, value in mapping.items():
            if name == "managedFields":
                continue
            if self._values < 0 or self._characters < 0:
                kept[_LEFT_OUT] = len(mapping) - len(kept)
                break
            kept[self._text(str(name))] = self._field(str(name), value, names, levels)
        return kept

    def _field(self, name: str, value: Any, names: list[str], levels: int) -> Any:
        if isinstance(value, str):
            if name == _LAST_APPLIED:
                return self._embedded(value, levels)
            says = [name, *names] if name.lower() in ("value", "val", "default") else [name]
            if any(is_credential(one, value) for one in says):
                return MARK
        elif isinstance(value, list) and sensitivity(name) is Sensitivity.CERTAIN:
            return [
                MARK
                if isinstance(one, str) and not is_placeholder(one)
                else self._value(one, levels)
                for one in value
            ]
        elif type(value) is int and name.lower().endswith(("password", "passwd", "pin")):
            return MARK
        return self._value(value, levels)

    def _embedded(self, text: str, levels: int) -> str:
        """The annotation that holds a whole object once more, its secrets included."""
        if len(text) > self._characters:
            return _LEFT_OUT
        try:
            return json.dumps(self._value(json.loads(text), levels))
        except (ValueError, RecursionError):
            return "[redacted: not readable]"


def _flag(value: Any) -> str:
    """The name of a flag whose value is the next argument; empty where it is none."""
    if not isinstance(value, str) or not value.startswith("-") or "=" in value[:128]:
        return ""
    return value.lstrip("-")


def _without_secret_data(secret: dict[Any, Any]) -> dict[Any, Any]:
    def hidden(data: Any) -> Any:
        return dict.fromkeys(data, MARK) if isinstance(data, dict) else MARK

    return {
        name: hidden(value) if name in ("data", "stringData") and value else value
        for name, value in secret.items()
    }


def _secrets(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    # The API server leaves kind out of the items of a list.
    return [{**item, "kind": "Secret"} if isinstance(item, dict) else item for item in items]
