"""YAML that people write: read with one clear error, and written again with their comments."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aicr_pytest.errors import SettingsError

_MOST_BYTES = 4 * 1024 * 1024
"""Of one file; the longest PRODUCT.yaml ever submitted has 30 KiB."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The one mapping in a file.

    Raises:
        SettingsError: it cannot be read, is no YAML, names a key twice, or holds something else.
    """
    return _only_mapping(path, YAML(typ="safe", pure=True))


def read_round_trip(path: Path) -> dict[str, Any]:
    """The same with comments and quotes, to be changed and written again.

    Raises:
        SettingsError: as ``read_yaml``.
    """
    return _only_mapping(path, _round_trip())


def write_round_trip(document: dict[str, Any]) -> str:
    """What ``read_round_trip`` gave, as a file."""
    stream = io.StringIO()
    _round_trip().dump(document, stream)
    return stream.getvalue()


def _round_trip() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 2**20  # nobody's lines are wrapped anew
    yaml.indent(mapping=2, sequence=4, offset=2)  # as the programme's own files are
    return yaml


def _only_mapping(path: Path, yaml: YAML) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{path}: has more than {_MOST_BYTES // 1024**2} MiB.")
        documents = list(yaml.load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise SettingsError(f"{path}{where}: is not YAML: {error.problem}.") from error
    except (YAMLError, ValueError, RecursionError) as error:
        told = str(error).partition("\n")[0]
        raise SettingsError(f"{path}: is not YAML: {told}.") from error
    if len(documents) > 1:
        raise SettingsError(
            f"{path}: holds {len(documents)} YAML documents; a file speaks of one product."
        )
    if not documents or not isinstance(documents[0], dict):
        raise SettingsError(f"{path}: a YAML mapping is expected.")
    document: dict[str, Any] = documents[0]
    return document
