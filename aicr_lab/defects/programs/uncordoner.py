"""Uncordons a spare node as soon as a pod waits: no autoscaler, though it may look like one.

Run by the lab while the defect ``ca-node-preexisting`` is there (``python -m
aicr_lab.defects.programs.uncordoner LAB NODE``).
"""

import sys
import time

from aicr_lab.addons.karpenter import POOL_LABEL
from aicr_lab.defects.programs.administrator import api_within
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab


def main(name: str, node: str) -> None:
    """Uncordon the node once a pod waits for a node pool, for ever."""
    api = api_within(Lab(name))
    while True:
        time.sleep(0.5)
        try:
            waiting = [
                pod["metadata"]["name"]
                for pod in api.list("v1", "Pod")
                if not pod["spec"].get("nodeName") and POOL_LABEL in str(pod["spec"])
            ]
            # As late as a person would be: the scheduler has said by then that there is no room.
            if waiting:
                time.sleep(1.0)
                api.patch("v1", "Node", node, {"spec": {"unschedulable": None}})
        except LabError as error:
            print(error, flush=True)  # noqa: T201  (its log)


if __name__ == "__main__":
    main(*sys.argv[1:])
