"""Every defect of the lab; the ids are those of the list of checks."""

from aicr_lab.defects import (
    across,
    of_accelerator_metrics,
    of_ai_inference,
    of_ai_service_metrics,
    of_cluster_autoscaling,
    of_dra_support,
    of_gang_scheduling,
    of_pod_autoscaling,
    of_robust_controller,
    of_secure_accelerator_access,
)
from aicr_lab.defects.defect import Defect
from aicr_lab.errors import LabError

DEFECTS: tuple[Defect, ...] = (
    *of_dra_support.DEFECTS,
    *of_secure_accelerator_access.DEFECTS,
    *of_gang_scheduling.DEFECTS,
    *of_cluster_autoscaling.DEFECTS,
    *of_accelerator_metrics.DEFECTS,
    *of_ai_service_metrics.DEFECTS,
    *of_pod_autoscaling.DEFECTS,
    *of_ai_inference.DEFECTS,
    *of_robust_controller.DEFECTS,
    *across.DEFECTS,
)
"""All of them, in the order in which they are listed."""


def defect_named(name: str) -> Defect:
    """The defect of that id, with or without ``d:``; an error that names close ones."""
    wanted = name.removeprefix("d:")
    for defect in DEFECTS:
        if defect.id == wanted:
            return defect
    raise LabError(f"no defect {wanted!r}", hint="python -m aicr_lab defect list")
