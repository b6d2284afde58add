"""Keeps the books of claims badly, as a scheduler or controller with a fault of its own does.

Run by the lab while a defect of :class:`~aicr_lab.defects.injections.device_path.CarelessBooks`
is there (``python -m aicr_lab.defects.programs.careless_allocator LAB MODE``).
"""

import sys
import time
from collections.abc import Callable

from aicr_lab.defects.programs.administrator import api_within
from aicr_lab.errors import LabError
from aicr_lab.kubernetes.api import Api, Object
from aicr_lab.lab import Lab

READY = "the books are kept badly from now on"
"""What it says once it looks."""

_DRA = "resource.k8s.io/v1"
_EVERY = 0.2
"""Seconds between two looks."""


def give_part(api: Api, claims: list[Object]) -> None:
    """A claim for more devices than a pool has is given one of them."""
    pools = _pools(api)
    held = {(result["pool"], result["device"]) for claim in claims for result in _results(claim)}
    for claim in claims:
        request = claim["spec"]["devices"]["requests"][0]
        wanted = request.get("exactly", {}).get("count", 1)
        pool, driver, devices = next(
            ((name, *of) for name, of in pools.items() if len(of[1]) < wanted), ("", "", [])
        )
        free = [name for name in devices if (pool, name) not in held]
        if _results(claim) or not free:
            continue
        _patch(api, claim, allocation(request["name"], driver, pool, free[-1]))


def allocation(request: str, driver: str, pool: str, device: str) -> Object:
    """The status of a claim that was given one device of a node's pool."""
    result = {"request": request, "driver": driver, "pool": pool, "device": device}
    field = {"key": "metadata.name", "operator": "In", "values": [pool]}
    return {
        "allocation": {
            "devices": {"results": [result]},
            "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]},
        }
    }


def forget_pods(api: Api, claims: list[Object]) -> None:
    """Who holds a claim is forgotten as soon as its pod runs."""
    running = {
        pod["metadata"]["uid"]
        for pod in api.list("v1", "Pod")
        if pod["status"].get("phase") == "Running"
    }
    for claim in claims:
        holders = {holder["uid"] for holder in claim.get("status", {}).get("reservedFor") or ()}
        if holders & running:
            _patch(api, claim, {"reservedFor": None})


MODES: dict[str, Callable[[Api, list[Object]], None]] = {
    "give-part": give_part,
    "forget-pods": forget_pods,
}


def _pools(api: Api) -> dict[str, tuple[str, list[str]]]:
    """Pool → driver and names of its devices."""
    return {
        each["spec"]["pool"]["name"]: (
            each["spec"]["driver"],
            [device["name"] for device in each["spec"].get("devices") or ()],
        )
        for each in api.list(_DRA, "ResourceSlice")
        if each["spec"].get("devices")
    }


def _results(claim: Object) -> list[Object]:
    allocated = claim.get("status", {}).get("allocation") or {}
    results: list[Object] = allocated.get("devices", {}).get("results") or []
    return results


def _patch(api: Api, claim: Object, status: Object) -> None:
    named = claim["metadata"]
    patch = {"metadata": {"resourceVersion": named["resourceVersion"]}, "status": status}
    api.patch(
        _DRA,
        "ResourceClaim",
        named["name"],
        patch,
        named["namespace"],
        subresource="status",
    )
    print(f"{named['namespace']}/{named['name']}: {status}", flush=True)  # noqa: T201  (its log)


def main(name: str, mode: str) -> None:
    """Look at all claims, for ever."""
    api = api_within(Lab(name))
    print(READY, flush=True)  # noqa: T201  (its log)
    while True:
        try:
            MODES[mode](api, list(api.list(_DRA, "ResourceClaim")))
        except LabError as error:
            print(error, flush=True)  # noqa: T201  (its log; a claim may change meanwhile)
        time.sleep(_EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:])
