"""Every defect of the lab; the ids are those of the list of checks."""

from aicr_lab.defects.by_requirement import (
    accelerator_metrics,
    ai_inference,
    ai_service_metrics,
    cluster_autoscaling,
    cross_cutting,
    dra_support,
    gang_scheduling,
    pod_autoscaling,
    robust_controller,
    secure_accelerator_access,
)
from aicr_lab.defects.defect import Defect
from aicr_lab.errors import LabError

DEFECTS: tuple[Defect, ...] = (
    *dra_support.DEFECTS,
    *secure_accelerator_access.DEFECTS,
    *gang_scheduling.DEFECTS,
    *cluster_autoscaling.DEFECTS,
    *accelerator_metrics.DEFECTS,
    *ai_service_metrics.DEFECTS,
    *pod_autoscaling.DEFECTS,
    *ai_inference.DEFECTS,
    *robust_controller.DEFECTS,
    *cross_cutting.DEFECTS,
)
"""All of them, in the order in which they are listed."""


def defect_named(name: str) -> Defect:
    """The defect of that id, with or without ``d:``; an error that names close ones."""
    wanted = name.removeprefix("d:")
    for defect in DEFECTS:
        if defect.id == wanted:
            return defect
    raise LabError(f"no defect {wanted!r}", hint="python -m aicr_lab defect list")
