"""The areas in which a platform chooses its solution, and the products known in each.

The command line is checked against this; importing it is cheap.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aicr_pytest.settings import Settings
    from aicr_pytest.solutions.frame import Solution

AREAS: dict[str, tuple[str, ...]] = {
    "gang": ("gang_scheduling",),
    "gateway": ("ai_inference",),
    "operator": ("robust_controller",),
    "autoscaler": ("cluster_autoscaling",),
    "metrics": ("pod_autoscaling", "ai_service_metrics", "accelerator_metrics"),
}
"""Area → ids of the requirements that its solutions meet."""


def area_of(requirement: str) -> str:
    """The area whose solutions meet a requirement.

    Raises:
        LookupError: the requirement is met without a choice of products.
    """
    for area, requirements in AREAS.items():
        if requirement in requirements:
            return area
    raise LookupError(f"{requirement} is met by no choice of solutions: {', '.join(AREAS)}.")


def solutions_of(area: str, settings: "Settings | None" = None) -> "tuple[Solution, ...]":
    """Every solution known in an area, in the order in which they are tried.

    Args:
        settings: what the user names, for areas that have a ``solutions_for`` to look there.
    """
    name = f"aicr_pytest.solutions.{area}"
    if importlib.util.find_spec(name) is None:
        return ()
    found: Any = importlib.import_module(name)
    if settings is not None and hasattr(found, "solutions_for"):
        return tuple(found.solutions_for(settings))
    return tuple(found.SOLUTIONS)


def solution_names(area: str) -> tuple[str, ...]:
    """Names of the solutions of an area, as ``--aicr-solution`` takes them."""
    return tuple(solution.name for solution in solutions_of(area))
