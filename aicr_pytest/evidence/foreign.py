"""Objects that are not this run's, of which only the fields in ``kept_fields`` are kept.

A list of what is secret is never complete, and evidence is published: of what belongs to others
nothing is kept unless a proof needs it. The run's own objects are kept whole.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from aicr_pytest.evidence.kept_fields import IDENTITY, KEPT, LABELS, SHARED, is_known

LEFT_OUT = "aicr-pytest/left-out"
"""Field of a reduced object that names what was left out, by its path; a text for people."""

_MANAGED_BY, _MANAGER, _RUN = "app.kubernetes.io/managed-by", "aicr-pytest", "aicr-pytest/run"
_DEEPEST = 200
"""Levels of lists and maps that are searched for objects; the redactor keeps fewer."""
_MOST_PATHS = 60
"""Of those that are named as left out."""
_SHARED = re.compile(r"\$([a-z-]+)")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,60}")

Tree: TypeAlias = dict[str, "Tree"]
"""Paths by their segments; ``""`` marks where one ends, i.e. where a value is kept."""
_END = ""
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def reduce_foreign(value: Any, run_id: str) -> Any:
    """A value whose Kubernetes objects are reduced, wherever they stand in it.

    What is no object of Kubernetes stays as it is, and so do the objects of this run.
    """
    return _searched(value, run_id, _DEEPEST)


def reduce_object(obj: dict[Any, Any]) -> Any:
    """What is kept of an object of Kubernetes that is nobody's of this run."""
    return reduce_to(paths_of(obj), obj)


def reduce_to(paths: Sequence[str], value: Any) -> Any:
    """What these paths keep of a value; a mapping names what was left out.

    Args:
        paths: as in ``kept_fields``.
    """
    left_out: dict[str, None] = {}
    kept = _kept(value, tree_of(tuple(paths)), "", left_out)
    if left_out and isinstance(value, dict):
        return {**(kept or {}), LEFT_OUT: _named(list(left_out))}
    return kept


def is_of_run(obj: Any, run_id: str) -> bool:
    """Whether an object is of this run: by its labels, and by where it is or what it is called.

    Labels alone can be copied, on purpose or with a manifest; the run works in its own namespaces,
    and its objects of the whole cluster bear its name.
    """
    metadata = obj["metadata"] if isinstance(obj.get("metadata"), dict) else {}
    labels = metadata["labels"] if isinstance(metadata.get("labels"), dict) else {}
    if (labels.get(_MANAGED_BY), labels.get(_RUN)) != (_MANAGER, run_id):
        return False
    name = metadata.get("namespace") or metadata.get("name")
    run = re.sub(r"[^a-z0-9]+", "-", run_id.lower()).strip("-")
    ours = (f"aicr-{run}", f"aicr-{run[-8:].strip('-')}")
    return isinstance(name, str) and any(f"{name}-".startswith(f"{one}-") for one in ours)


def _searched(value: Any, run_id: str, levels: int) -> Any:
    if levels <= 0:
        return value
    if isinstance(value, (list, tuple)):
        return [_searched(item, run_id, levels - 1) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_listing(value):
        frame = {name: field for name, field in value.items() if name != "items"}
        items = [_item(item, value) for item in value["items"]]
        return {**reduce_to(IDENTITY, frame), "items": _searched(items, run_id, levels - 1)}
    if not _is_object(value):
        return {name: _searched(field, run_id, levels - 1) for name, field in value.items()}
    return value if is_of_run(value, run_id) else reduce_object(value)


def _is_object(value: dict[Any, Any]) -> bool:
    named = isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
    return named or isinstance(value.get("metadata"), dict)


def _is_listing(value: dict[Any, Any]) -> bool:
    kind = value.get("kind")
    listing = isinstance(kind, str) and kind.endswith("List") and key_of(value) not in KEPT
    return listing and isinstance(value.get("items"), list)


def _item(item: Any, listing: dict[Any, Any]) -> Any:
    """An item with its kind, which the API server leaves out in a list of one kind."""
    kind = listing["kind"].removesuffix("List")
    if not isinstance(item, dict) or not kind or "kind" in item:
        return item
    return {"apiVersion": listing.get("apiVersion"), "kind": kind, **item}


def key_of(obj: dict[Any, Any]) -> str:
    """Under which ``KEPT`` knows objects of this kind."""
    group = str(obj.get("apiVersion") or "").rpartition("/")[0]
    return f"{group}/{obj.get('kind')}" if group else str(obj.get("kind"))


def paths_of(obj: dict[Any, Any]) -> tuple[str, ...]:
    """What is kept of an object."""
    key = key_of(obj)
    if key not in KEPT:
        return IDENTITY
    metadata = obj["metadata"] if isinstance(obj.get("metadata"), dict) else {}
    alone = f"{key} {metadata.get('namespace')}/{metadata.get('name')}"
    return (*IDENTITY, LABELS, *KEPT[key], *KEPT.get(alone, ()))


def _kept(value: Any, tree: Tree, path: str, left_out: dict[str, None]) -> Any:
    """What is kept; None where nothing is, which then stands among what was left out."""
    if isinstance(value, dict) and tree.keys() - {_END, "[]"}:
        return _kept_fields(value, tree, path, left_out)
    if isinstance(value, (list, tuple)) and "[]" in tree:
        return _kept_items(value, tree["[]"], f"{path}[]", left_out)
    if _END in tree and not isinstance(value, (dict, list, tuple, bytes)):
        return value
    left_out[path] = None
    return None


def _kept_items(
    items: Sequence[Any], tree: Tree, path: str, left_out: dict[str, None]
) -> list[Any]:
    """As many as there are, so that they can be counted; an empty one for what is not kept."""
    found = [_kept(item, tree, path, left_out) for item in items]
    return [{} if one is None else one for one in found]


def _kept_fields(
    value: dict[Any, Any], tree: Tree, path: str, left_out: dict[str, None]
) -> dict[str, Any] | None:
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, field in value.items():
        child = below(tree, str(name))
        if child is None:
            if field not in _EMPTY:
                dropped.append(str(name))
            continue
        found = _kept(field, child, _joined(path, str(name)), left_out)
        if found is not None or field is None:
            kept[str(name)] = found
    if path == "metadata" and "managedFields" in dropped:
        dropped.remove("managedFields")  # our own objects are shown without them, too
    _note(dropped, len(value), tree, path, left_out)
    return kept if kept or not value else None


def _note(dropped: list[str], of: int, tree: Tree, path: str, left_out: dict[str, None]) -> None:
    if dropped and any(name == "*" or name.startswith("@") for name in tree):
        # The keys of such a map are as much its owner's business as the values.
        left_out[f"{path} ({len(dropped)} of {of})"] = None
        return
    names = (name if _FIELD.fullmatch(name) else "(another field)" for name in dropped)
    left_out.update(dict.fromkeys(_joined(path, name) for name in names))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def below(tree: Tree, name: str) -> Tree | None:
    """What is kept below a field; None where the field is not kept."""
    if name in tree and name not in (_END, "[]", "*") and not name.startswith("@"):
        return tree[name]
    for known, child in tree.items():
        if known == "*" or (known.startswith("@") and is_known(known, name)):
            return child
    return None


def _named(left_out: list[str]) -> str:
    """Paths as the table writes them, those of one parent together."""
    siblings: dict[str, list[str]] = {}
    for path in left_out[:_MOST_PATHS]:
        parent, _, name = path.rpartition(".")
        siblings.setdefault(parent, []).append(name)
    told = [
        _joined(parent, names[0] if len(names) == 1 else f"{{{','.join(names)}}}")
        for parent, names in siblings.items()
    ]
    more = len(left_out) - _MOST_PATHS
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


@cache
def tree_of(paths: tuple[str, ...]) -> Tree:
    """The paths by their segments."""
    tree: Tree = {}
    for path in (one for compact in paths for one in spelled_out(compact)):
        node = tree
        for segment in path.replace("[]", ".[]").split("."):
            node = node.setdefault(segment, {})
        node[_END] = {}
    return tree


def spelled_out(path: str) -> list[str]:
    """A path with ``$names`` and braces as the paths that it stands for."""
    if shared := _SHARED.search(path):
        return spelled_out(path[: shared.start()] + SHARED[shared[1]] + path[shared.end() :])
    begin = path.find("{")
    if begin < 0:
        return [path]
    parts, end = _alternatives(path, begin + 1)
    return [one for part in parts for one in spelled_out(path[:begin] + part + path[end:])]


def _alternatives(path: str, begin: int) -> tuple[list[str], int]:
    """What stands between braces, and where the path goes on behind them."""
    parts, depth = [], 0
    for at in range(begin, len(path)):
        if path[at] in ",}" and depth == 0:
            parts.append(path[begin:at])
            begin = at + 1
            if path[at] == "}":
                return parts, begin
        depth += {"{": 1, "}": -1}.get(path[at], 0)
    raise ValueError(f"{path}: a brace is open")
