"""The labels by which our objects are known, on everything that we create."""

import copy
from collections.abc import Mapping
from typing import Any

from aicr_pytest.cluster.kinds import Object

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "aicr-pytest"
RUN = "aicr-pytest/run"


def run_labels(run_id: str) -> dict[str, str]:
    """What every object of a run carries."""
    return {MANAGED_BY: MANAGER, RUN: run_id}


def selector(run: str | None) -> str:
    """Selects the objects of one run; of all runs where it is None."""
    return f"{MANAGED_BY}={MANAGER},{RUN}" + (f"={run}" if run else "")


def is_ours(obj: Object, run: str | None = None) -> bool:
    """Whether the object carries our labels, and those of this run where one is named."""
    carried = obj.get("metadata", {}).get("labels") or {}
    if carried.get(MANAGED_BY) != MANAGER or RUN not in carried:
        return False
    return run is None or carried[RUN] == run


def labelled(obj: Object, labels: Mapping[str, str]) -> Object:
    """A copy of the object that carries the labels, as does whatever is made from it later.

    Pods of a Deployment, claims of a ResourceClaimTemplate and volumes of a StatefulSet outlive
    their owner for a while; without labels of their own nobody could tell whose they are.
    """
    new = copy.deepcopy(obj)
    _mark(new, labels)
    if new.get("kind") == "CustomResourceDefinition":
        return new  # its spec describes objects and is none
    spec = new.get("spec")
    if isinstance(spec, dict):
        _mark_templates(spec, labels)
        if new.get("kind") == "ResourceClaimTemplate":
            _mark(spec, labels)
    return new


def _mark(obj: dict[str, Any], labels: Mapping[str, str]) -> None:
    metadata = obj["metadata"] = obj.get("metadata") or {}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}


def _mark_templates(node: object, labels: Mapping[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _mark_templates(item, labels)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in ("template", "jobTemplate") and isinstance(value, dict) and "spec" in value:
            _mark(value, labels)
        if key == "volumeClaimTemplates" and isinstance(value, list):
            for claim in value:
                _mark(claim, labels)
        _mark_templates(value, labels)
