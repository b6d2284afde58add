"""Objects as clusters have them, of others, with something planted wherever secrets may stand."""

from pathlib import Path
from typing import Any

import yaml

from aicr_pytest.cluster.kinds import Object

PLANTED = "pl4nted"
"""Part of everything that must not be kept; no rule for credentials knows it."""


def planted(where: str) -> str:
    """A value that tells where it stood."""
    return f"{PLANTED}-{where}"


def metadata(**own: Any) -> Object:
    """Metadata of somebody else's object."""
    return {
        "uid": "10acf093-3e78-4cf1-a262-fdb5e1dddd82",
        "generation": 3,
        "creationTimestamp": "2026-11-24T04:05:56Z",
        "managedFields": [{"manager": planted("manager")}],
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Owner", "name": "owner", "uid": "u-1", "controller": True}
        ],
        **own,
        "labels": {
            "app.kubernetes.io/name": own["name"],
            "team-key": planted("label"),
            **own.get("labels", {}),
        },
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": planted("last-applied"),
            "vault.hashicorp.com/agent-inject-token": planted("annotation"),
            **own.get("annotations", {}),
        },
    }


def _read() -> dict[str, tuple[Object, tuple[str, ...]]]:
    found = {}
    for file in sorted(Path(__file__).with_name("foreign").glob("*.yaml")):
        for sample in yaml.safe_load(file.read_text()):
            obj = sample["object"]
            if "metadata" in obj:
                obj["metadata"] = metadata(**obj["metadata"])
            found[sample["what"]] = (obj, tuple(sample["needed"]))
    return found


FOREIGN = _read()
"""What it is → the object, and what has to be kept of it, as ``path=value``."""
