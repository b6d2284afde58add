"""Real objects and outputs of platforms that people run, below ``field``; names are replaced."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from aicr_pytest.accelerators.inventory import AcceleratorNode, list_accelerator_nodes
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.kinds import Object
from tests.unit.accelerators.test_pods import Silence, StandIn

FIELD = Path(__file__).parent / "field"
LET_IN = "open\tNo such device or address\n"
"""What a pod is answered that reaches for a device which it may have."""


def text(case: str, name: str) -> str:
    """A file of a case, which is told by its number."""
    (folder,) = FIELD.glob(f"{case}-*")
    return (folder / name).read_text(encoding="utf-8")


def world(case: str, name: str = "objects.yaml") -> dict[str, list[Object]]:
    """The objects of a case, as they are looked at."""
    kinds = {"Node": "nodes", "ResourceSlice": "slices", "ResourceClaim": "claims"}
    found: dict[str, list[Object]] = {kind: [] for kind in kinds.values()}
    for one in yaml.safe_load_all(text(case, name)):
        found[kinds[one["kind"]]].append(one)
    return found


def stock(case: str, name: str = "objects.yaml", **more: Any) -> list[AcceleratorNode]:
    """What the platform of a case offers."""
    objects = {"classes": [], "pods": [], **world(case, name), **more}
    return list_accelerator_nodes(PROFILE, **objects)


def pod(
    on: AcceleratorNode,
    seen: str,
    *told: str,
    count: int = 1,
    name: str = "p",
    reach: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A pod that asks a device plugin; kubelet tells the ids that are given.

    Args:
        reach: minor number → what comes of reaching for it.
    """
    resource = on.extended_resource
    units = {"name": resource, "resources": [{"resourceID": one} for one in told]}
    status = {"name": "main", "allocatedResourcesStatus": [units] if told else []}
    limits = {resource: str(count)} if count else {}
    answers = {"main": seen, **{f"reach {minor}": said for minor, said in reach.items()}}
    stand_in: Any = StandIn(
        seen=answers,
        spec={
            "nodeName": on.name,
            "containers": [{"name": "main", "resources": {"limits": limits}}],
        },
        status={"containerStatuses": [status]},
        name=name,
    )
    silence: Any = Silence()
    return AcceleratorPod(
        stand_in, on, claims=lambda _: {}, evidence=lambda: silence, must_start=False
    )
