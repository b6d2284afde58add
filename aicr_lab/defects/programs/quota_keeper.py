"""Gives every namespace that appears a LimitRange and a ResourceQuota, as many platforms do.

Run by the lab while the defect ``limitrange-and-quota`` is there (``python -m
aicr_lab.defects.programs.quota_keeper LAB``). Namespaces that existed before it are left alone.
"""

import sys
import time

from aicr_lab.defects.programs.administrator import api_within
from aicr_lab.errors import LabError
from aicr_lab.kubernetes.api import Api, Object
from aicr_lab.lab import Lab

READY = "new namespaces get a LimitRange and a ResourceQuota from now on"
"""What it says once it looks."""

NO_DEVICES = "no-devices"
"""Argument by which the quota lets nobody have accelerators, until somebody asks for them."""

_EVERY = 0.2
"""Seconds between two looks: a namespace must have its quota before its first pod."""


def gifts(namespace: str, *, devices: bool = True) -> list[Object]:
    """What a namespace gets: defaults for those who say nothing, and an upper bound."""
    none = {
        "gpu.nvidia.com.deviceclass.resource.k8s.io/devices": "0",
        "requests.nvidia.com/gpu": "0",
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "platform", "namespace": namespace},
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "default": {"cpu": "1", "memory": "1Gi"},
                        "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
                        "max": {"cpu": "2", "memory": "4Gi"},
                    }
                ]
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "platform", "namespace": namespace},
            "spec": {
                "hard": {
                    "requests.cpu": "8",
                    "requests.memory": "16Gi",
                    "limits.cpu": "32",
                    "limits.memory": "64Gi",
                    "pods": "40",
                    **({} if devices else none),
                }
            },
        },
    ]


def _names(api: Api) -> set[str]:
    return {
        namespace["metadata"]["name"]
        for namespace in api.list("v1", "Namespace")
        if not namespace["metadata"].get("deletionTimestamp")
    }


def main(name: str, *words: str) -> None:
    """Look for new namespaces, for ever."""
    api = api_within(Lab(name))
    known = _names(api)
    print(READY, flush=True)  # noqa: T201  (its log)
    while True:
        time.sleep(_EVERY)
        try:
            present = _names(api)
            for namespace in sorted(present - known):
                for gift in gifts(namespace, devices=NO_DEVICES not in words):
                    api.apply(gift)
                print(f"{namespace}: a LimitRange and a ResourceQuota", flush=True)  # noqa: T201
            known = present
        except LabError as error:
            print(error, flush=True)  # noqa: T201  (its log; a namespace may go meanwhile)


if __name__ == "__main__":
    main(*sys.argv[1:])
