"""The areas in which a platform chooses its solution, and the products known in each.

The command line is checked against this; importing it is cheap.

A distribution adds a product by an entry point of the group ``aicr_pytest.solutions``. Its name is
``AREA.NAME``, and it leads to an object that can do what the solutions of that area can: for
``gang`` a ``GangScheduler`` (``requirements/gang_scheduling/solutions``), and so on, see
``SHAPES``. Its ``name`` is NAME, as ``--aicr-solution AREA=NAME`` takes it. It is tried after ours.
Requests that only it makes need rights beyond those that docs/rbac.md lists.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aicr_pytest import extensions
from aicr_pytest.errors import SolutionAbsent
from aicr_pytest.requirements.solutions import Candidate, NotLetIn, Solution, Solutions

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.requirements.signs import Signs
    from aicr_pytest.settings import Settings

AREAS: dict[str, tuple[str, ...]] = {
    "gang": ("gang_scheduling",),
    "gateway": ("ai_inference",),
    "operator": ("robust_controller",),
    "autoscaler": ("cluster_autoscaling",),
    "metrics": ("pod_autoscaling", "ai_service_metrics", "accelerator_metrics"),
}
"""Area → ids of the requirements that its solutions meet."""

SHAPES: dict[str, tuple[str, str]] = {
    "gang": ("gang_scheduling.solutions.scheduler", "GangScheduler"),
    "gateway": ("ai_inference.solutions.gateway_classes", "Product"),
    "operator": ("robust_controller.solutions.operator", "Operator"),
    "autoscaler": ("cluster_autoscaling.solutions.autoscaler", "Autoscaler"),
    "metrics": ("ai_service_metrics.solutions.collector", "Collector"),
}
"""Area → module below ``aicr_pytest.requirements`` and name of what a solution has to be."""


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
        settings: what the user names, e.g. where the monitoring system is.

    Raises:
        SettingsError: what another distribution adds is no solution, or has a name of ours.
    """
    return (*own_solutions(area, settings), *added_solutions().get(area, ()))


def own_solutions(area: str, settings: "Settings | None" = None) -> "tuple[Solution, ...]":
    """The solutions of an area that come with aicr-pytest.

    Args:
        settings: what the user names, e.g. where the monitoring system is.
    """
    # Here, since the command line asks for the names of areas in every run.
    from aicr_pytest.requirements.ai_inference import solutions as gateways
    from aicr_pytest.requirements.ai_service_metrics import solutions as collectors
    from aicr_pytest.requirements.cluster_autoscaling import solutions as autoscalers
    from aicr_pytest.requirements.gang_scheduling import solutions as schedulers
    from aicr_pytest.requirements.robust_controller import solutions as operators

    known: dict[str, tuple[Solution, ...]] = {
        "gang": schedulers.SOLUTIONS,
        "gateway": gateways.SOLUTIONS,
        "operator": operators.SOLUTIONS,
        "autoscaler": autoscalers.solutions_for(settings),
        "metrics": collectors.solutions_for(settings),
    }
    return known[area]


def added_solutions() -> dict[str, list[Solution]]:
    """Area → the solutions that other distributions add.

    Raises:
        SettingsError: one of them is no solution, or has a name that is taken.
    """
    added: dict[str, list[Solution]] = {}
    for extension in extensions.load(extensions.SOLUTIONS):
        area, _, name = extension.name.partition(".")
        if area not in AREAS or not name:
            raise extension.refused(f"its name has to be AREA.NAME, AREA one of {', '.join(AREAS)}")
        solution = _checked(extension, area, name)
        there = added.setdefault(area, [])
        if name in {other.name for other in (*own_solutions(area), *there)}:
            raise extension.refused(f"{area} has a solution {name!r} already")
        there.append(solution)
    return added


def _checked(extension: extensions.Extension, area: str, name: str) -> Solution:
    module, shape_name = SHAPES[area]
    shape = getattr(importlib.import_module(f"aicr_pytest.requirements.{module}"), shape_name)
    solution = cast(Solution, extension.value)
    wanted = {word for word in (*dir(shape), *shape.__annotations__) if not word.startswith("_")}
    if lacking := sorted(wanted - set(dir(solution))):
        raise extension.refused(f"it is no {shape_name}, it lacks {', '.join(lacking)}")
    if solution.name != name:
        raise extension.refused(f"the name of its solution is {solution.name!r}")
    return solution


def signs_of(area: str) -> "Signs | None":
    """What shows that an area has a product that no solution is found for.

    None where a product cannot be there unseen: every Gateway has a GatewayClass.
    """
    from aicr_pytest.requirements.ai_service_metrics.solutions.signs import SIGNS as COLLECTORS
    from aicr_pytest.requirements.cluster_autoscaling.solutions.signs import SIGNS as AUTOSCALERS
    from aicr_pytest.requirements.gang_scheduling.solutions.signs import SIGNS as SCHEDULERS
    from aicr_pytest.requirements.robust_controller.solutions.signs import SIGNS as OPERATORS

    known = {
        "gang": SCHEDULERS,
        "operator": OPERATORS,
        "autoscaler": AUTOSCALERS,
        "metrics": COLLECTORS,
    }
    return known.get(area)


def solution_names(area: str) -> tuple[str, ...]:
    """Names of the solutions of an area, as ``--aicr-solution`` takes them."""
    return tuple(solution.name for solution in solutions_of(area))


def discover(
    area: str,
    cluster: "Cluster",
    pinned: Mapping[str, str],
    *,
    known: Sequence[Solution] | None = None,
    settings: "Settings | None" = None,
) -> list[Candidate[Any]]:
    """The installed solutions of an area, in the order in which they are tried.

    Args:
        pinned: area → the only solution to look at.
        known: what is looked for; None: every solution of the area.
        settings: what else the user names, e.g. where the monitoring system is.

    Raises:
        SolutionAbsent: none is installed; says what was looked for.
        UnknownSolution: none that is known, and one of its kind may be there.
        NotLetIn: none that could be seen, and where one would show itself we are refused.
    """
    wanted = [
        solution
        for solution in (solutions_of(area, settings) if known is None else known)
        if pinned.get(area, solution.name) == solution.name
    ]
    candidates: list[Candidate[Any]] = []
    closed: list[NotLetIn] = []
    for solution in wanted:
        try:
            found = solution.found(cluster)
        except NotLetIn as refusal:
            closed.append(refusal)
        else:
            candidates += [Candidate(solution=solution, found=found)] if found else []
    if not candidates:
        if closed:
            raise closed[0]
        if known is None and (signs := signs_of(area)):
            signs.refuse(cluster, settings, pinned=pinned.get(area, ""))
        looked = "; ".join(f"{solution.name} ({solution.looked_for})" for solution in wanted)
        only = f" (--aicr-solution {area}={pinned[area]})" if area in pinned else ""
        raise SolutionAbsent(f"No solution of {area} is installed{only}. Looked for: {looked}.")
    return candidates


def solutions_for(
    requirement: str,
    cluster: "Cluster",
    settings: "Settings",
    evidence: Callable[[], "CheckEvidence"],
) -> Solutions[Any]:
    """The installed solutions of a requirement.

    Raises:
        SolutionAbsent: none is; see ``discover``.
    """
    area = area_of(requirement)
    return Solutions(discover(area, cluster, settings.solutions, settings=settings), evidence)
