"""JSON Schemas of run.json, record.json and manifest.json, made of the dataclasses themselves.

A later version may add fields, and so others are allowed; ``schema`` is raised where an old reader
would misread what a new version writes.
"""

import ast
import collections.abc
import dataclasses
import inspect
import itertools
import sys
import types
import typing
from typing import Any

from aicr_pytest.evidence.checksums import MANIFEST_FILE, Manifest
from aicr_pytest.evidence.json_fields import SCHEMA
from aicr_pytest.evidence.record import RECORD_FILE, CheckRecord
from aicr_pytest.evidence.run import RUN_FILE, RunInfo

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema (draft 2020-12) of each file, by the name of the schema's own file."""
    files: dict[str, type] = {
        RUN_FILE: RunInfo,
        RECORD_FILE: CheckRecord,
        MANIFEST_FILE: Manifest,
    }
    return {
        f"{file.removesuffix('.json')}.schema.json": _of_file(file, files[file]) for file in files
    }


def _of_file(file: str, shown: type) -> dict[str, Any]:
    defined: dict[str, dict[str, Any]] = {}
    root = _of_class(shown, defined)
    version = {"const": SCHEMA, "description": "Of this file's form."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": file,
        **root,
        "properties": {"schema": version, **root["properties"]},
        "required": ["schema", *root["required"]],
        "$defs": {name: defined[name] for name in sorted(defined)},
    }


def _of_class(shown: type, defined: dict[str, dict[str, Any]]) -> dict[str, Any]:
    hints = typing.get_type_hints(shown)
    described = _descriptions(shown)
    fields = dataclasses.fields(shown)
    return {
        "description": (inspect.getdoc(shown) or "").partition("\n\n")[0],
        "type": "object",
        "properties": {
            field.name: {
                **_of_type(hints[field.name], defined),
                "description": described[field.name],
            }
            for field in fields
        },
        "required": [
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ],
    }


def _of_type(hint: Any, defined: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in defined:
            defined[hint.__name__] = {}  # it may hold itself
            defined[hint.__name__] = _of_class(hint, defined)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _of_type(arguments[0], defined)}
    if origin is collections.abc.Mapping:
        return {"type": "object", "additionalProperties": _of_type(arguments[1], defined)}
    if origin is types.UnionType:
        return {
            "anyOf": [
                {"type": "null"} if one is types.NoneType else _of_type(one, defined)
                for one in arguments
            ]
        }
    raise TypeError(f"{hint}: has no form in JSON")


def _descriptions(shown: type) -> dict[str, str]:
    """The string below each field, which Python forgets."""
    tree = ast.parse(inspect.getsource(sys.modules[shown.__module__]))
    [body] = [
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == shown.__name__
    ]
    return {
        field.target.id: " ".join(str(below.value.value).split())
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
    }
