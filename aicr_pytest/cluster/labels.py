"""The labels by which our objects are known, on everything that we create.

Labels alone prove nothing: whoever copies a manifest of ours copies them too. Who set them stands
in ``managedFields``, which the API server writes by itself.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aicr_pytest.cluster.kinds import Object

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "aicr-pytest"
"""Value of that label, and our name as a field manager."""
RUN = "aicr-pytest/run"


def run_labels(run_id: str) -> dict[str, str]:
    """What every object of a run carries."""
    return {MANAGED_BY: MANAGER, RUN: run_id}


def selector(run: str | None) -> str:
    """Selects the objects of one run; of all runs where it is None."""
    return f"{MANAGED_BY}={MANAGER},{RUN}" + (f"={run}" if run else "")


def run_of(obj: Object) -> str:
    """The run that an object says it is of; empty where it does not carry our labels."""
    carried = obj.get("metadata", {}).get("labels") or {}
    return str(carried.get(RUN) or "") if carried.get(MANAGED_BY) == MANAGER else ""


def set_by_us(obj: Object) -> bool | None:
    """Whether it was us who set the run's label; None where ``managedFields`` are missing."""
    entries = list(_entries(obj))
    if not entries:
        return None
    return any(
        entry.get("manager") == MANAGER and f"f:{RUN}" in _fields(entry, "f:metadata", "f:labels")
        for entry in entries
    )


def is_ours(obj: Object, run: str | None = None) -> bool:
    """Whether the object carries our labels, and those of this run where one is named.

    Labels that somebody else has set do not count; where nothing says who did, they do.
    """
    carried = run_of(obj)
    return bool(carried) and run in (None, carried) and set_by_us(obj) is not False


def writers(obj: Object) -> tuple[str, ...]:
    """The field managers of an object, the first first; those of its status left out."""
    entries = [entry for entry in _entries(obj) if not entry.get("subresource")]
    ordered = sorted(entries, key=lambda entry: str(entry.get("time") or ""))
    return tuple(dict.fromkeys(str(entry.get("manager") or "") for entry in ordered))


def written_at(obj: Object) -> list[str]:
    """When we have written to an object, as the API server's clock tells."""
    return [str(e.get("time") or "") for e in _entries(obj) if e.get("manager") == MANAGER]


def _entries(obj: Object) -> Iterator[Mapping[str, Any]]:
    entries = obj.get("metadata", {}).get("managedFields")
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, Mapping))


def _fields(entry: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    fields: Any = entry.get("fieldsV1")
    for step in path:
        fields = fields.get(step) if isinstance(fields, Mapping) else None
    return fields if isinstance(fields, Mapping) else {}


def labelled(
    obj: Object, labels: Mapping[str, str], added: Mapping[str, str] | None = None
) -> Object:
    """A copy of the object that carries the labels, as does whatever is made from it later.

    Pods of a Deployment, claims of a ResourceClaimTemplate and volumes of a StatefulSet outlive
    their owner for a while; without labels of their own nobody could tell whose they are.

    Args:
        added: labels that somebody wants there, too; they replace none.
    """
    new = copy.deepcopy(obj)

    def mark(part: dict[str, Any]) -> None:
        metadata = part["metadata"] = part.get("metadata") or {}
        metadata["labels"] = {**(added or {}), **(metadata.get("labels") or {}), **labels}

    mark(new)
    if new.get("kind") == "CustomResourceDefinition":
        return new  # its spec describes objects and is none
    spec = new.get("spec")
    if isinstance(spec, dict):
        _mark_templates(spec, mark)
        if new.get("kind") == "ResourceClaimTemplate":
            mark(spec)
    return new


def _mark_templates(node: object, mark: Callable[[dict[str, Any]], None]) -> None:
    if isinstance(node, list):
        for item in node:
            _mark_templates(item, mark)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in ("template", "jobTemplate") and isinstance(value, dict) and "spec" in value:
            mark(value)
        if key == "volumeClaimTemplates" and isinstance(value, list):
            for claim in value:
                mark(claim)
        _mark_templates(value, mark)
