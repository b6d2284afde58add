"""What an API server writes into ``managedFields``: who has sent what of an object, and when."""

import time

from aicr_pytest.cluster.kinds import Object

_NAMED = ("labels", "annotations", "finalizers", "ownerReferences")
"""What of an object's metadata has a manager."""


def note(obj: Object, sent: Object, manager: str, operation: str) -> None:
    """Write into an object who has sent what of it; nothing for a manager without a name."""
    if not manager:
        return
    named = {key: sent["metadata"][key] for key in _NAMED if key in sent.get("metadata", {})}
    entry: Object = {
        "manager": manager,
        "operation": operation,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "fieldsType": "FieldsV1",
        "fieldsV1": _fields({**sent, "metadata": named}),
    }
    entries = obj["metadata"].get("managedFields") or []
    same = [e for e in entries if (e["manager"], e["operation"]) == (manager, operation)]
    if same and operation == "Update":
        entry["fieldsV1"] = merged(same[0]["fieldsV1"], entry["fieldsV1"])
    others = [
        {**other, "fieldsV1": _without(other["fieldsV1"], entry["fieldsV1"])}
        for other in entries
        if other not in same
    ]
    obj["metadata"] = {**obj["metadata"], "managedFields": [*others, entry]}


def written_by(manager: str, obj: Object) -> Object:
    """The object as this manager has created it."""
    note(obj, obj, manager, "Update")
    return obj


def owner(kind: str, obj: Object, group: str = "apps/v1") -> Object:
    """A reference to an object that owns another one."""
    metadata = obj["metadata"]
    return {"apiVersion": group, "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}


def merged(old: Object, new: Object) -> Object:
    """As a merge patch does."""
    merged_ = dict(old)
    for key, value in new.items():
        if value is None:
            merged_.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged_.get(key), dict):
            merged_[key] = merged(merged_[key], value)
        else:
            merged_[key] = value
    return merged_


def _fields(value: Object) -> Object:
    """As FieldsV1 has them; lists as a whole."""
    return {
        f"f:{key}": _fields(below) if isinstance(below, dict) else {}
        for key, below in value.items()
        if key not in ("apiVersion", "kind")
    }


def _without(fields: Object, taken: Object) -> Object:
    """Fields but those that somebody else has taken over."""
    return {
        key: _without(below, taken[key]) if key in taken and below else below
        for key, below in fields.items()
        if key not in taken or below
    }
