"""What would come of each requirement if a run began now: looked at as its checks look first.

Each look is one that a check of the requirement makes itself before it creates anything, so that
what stands in its way is said in the same words. A look that goes well promises nothing but that
the checks would run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aicr_pytest.errors import AicrError, DoesNotApply, NoCapacity, NotAllowed
from aicr_pytest.evidence.run import Verdict
from aicr_pytest.requirements.catalogue import NOT_AUTOMATED, REQUIREMENTS, Level
from aicr_pytest.requirements.registry import discover
from aicr_pytest.run.outcomes import kind_of_error

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import Mechanism
    from aicr_pytest.cluster.access_review import Need
    from aicr_pytest.run.session import Run

Look = Callable[["Run"], str]
"""Asks the cluster; what was found, in a few words.

Raises what a check would raise there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would come of one requirement."""

    id: str
    """Of the requirement."""
    level: Level
    """In the list that applies."""
    expected: Literal["would run"] | Verdict
    """``would run``, or the verdict that it would get without having been tried."""
    because: str
    """What was found, or what stands in the way."""
    opt_in: bool = False
    """Whether it is only the user's word that is missing."""

    @property
    def could_look(self) -> bool:
        """Whether a run would say something of it, or only the user's word is missing."""
        return self.expected != "Inconclusive" or self.opt_in

    @property
    def words(self) -> str:
        """What is expected, as part of a sentence."""
        return self.expected if self.expected == "would run" else f"would be {self.expected}"

    def line(self, width: int) -> str:
        """For people, without the list of what was looked for; ids are padded to a width."""
        told = f"{self.id:<{width}}  {self.level:<10}  {self.words}"
        because = self.because.partition(" Looked for")[0]
        return f"{told}: {because}" if because else told


def forecasts(run: "Run", missing: "Sequence[Need]") -> tuple[Forecast, ...]:
    """One for each requirement that has checks and was asked for, in the order of the list.

    Args:
        run: connected.
        missing: rights that the suite needs and that we do not have.
    """
    wanted = run.settings.features
    return tuple(
        _forecast(run, one.id, one.level(run.shared.list_version), missing)
        for one in REQUIREMENTS
        if one.id not in NOT_AUTOMATED and (not wanted or one.id in wanted)
    )


def _forecast(run: "Run", requirement: str, level: Level, missing: "Sequence[Need]") -> Forecast:
    if reason := run.not_applicable(requirement):
        return Forecast(id=requirement, level=level, expected="N/A", because=reason)
    lacking = [need for need in missing if need.feature in (requirement, "every check")]
    found: list[str] = []
    expected: Literal["would run"] | Verdict = "would run"
    opt_in = False
    try:
        for look in _LOOKS[requirement]:
            found.append(look(run))
    except DoesNotApply as error:
        found.append(f"part of its checks only: {_first_line(error)}")
    except AicrError as error:
        expected, opt_in = _expected(error), isinstance(error, NotAllowed)
        found = [_first_line(error), error.hint if isinstance(error, NotAllowed) else ""]
    if lacking and expected in ("would run", "Inconclusive"):
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        expected, opt_in, found = "Inconclusive", False, [f"no right to {lacking[0]}{more}"]
    because = (" " if opt_in else "; ").join(words for words in found if words)
    return Forecast(id=requirement, level=level, expected=expected, because=because, opt_in=opt_in)


def _expected(error: AicrError) -> Verdict:
    verdicts: Mapping[str | None, Verdict] = {
        "inconclusive": "Inconclusive",
        "unknown": "Unknown",
    }
    return verdicts.get(kind_of_error(error), "Not Implemented")


# -- what is looked at --------------------------------------------------------------------------


def _served_dra(run: "Run") -> str:
    from aicr_pytest.requirements.dra_support.api_objects import dra_api

    version, kinds = dra_api(run.cluster)
    return f"{version} {'is' if kinds else 'is not'} served"


def _nodes(*mechanisms: "Mechanism", once: bool = False) -> Look:
    def look(run: "Run") -> str:
        nodes = run.accelerators.sample_nodes(*mechanisms, once=once)
        free = sum(node.free for node in nodes)
        names = ", ".join(dict.fromkeys(node.name for node in nodes))
        if not free:
            raise NoCapacity(f"every accelerator of {names} is held by somebody")
        return f"{free} free on {names}"

    return look


def _solution(area: str) -> Look:
    def look(run: "Run") -> str:
        chosen = run.settings
        found = discover(area, run.cluster, chosen.solutions, settings=chosen)
        return "by " + ", then ".join(candidate.solution.name for candidate in found)

    return look


def _allowed(allowance: str) -> Look:
    def look(run: "Run") -> str:
        run.settings.needs(allowance)
        return f"{allowance} is allowed"

    return look


def _entrance(run: "Run") -> str:
    """A Gateway that takes routes of every namespace; else a new one has to be allowed."""
    from aicr_pytest.cluster.kinds import GATEWAY
    from aicr_pytest.requirements.ai_inference.listener import listeners

    if "load-balancer" in run.settings.allow:
        return "load-balancer is allowed"
    named = run.settings.gateway
    found = [
        f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"
        for gateway in run.cluster.list(GATEWAY, named.namespace if named else None)
        if (named is None or gateway["metadata"]["name"] == named.name)
        and listeners(gateway, {"metadata": {"name": _ANY, "labels": {}}})
    ]
    if len(found) != 1:
        what = f"several Gateways, {', '.join(found)}," if found else "no Gateway"
        raise NotAllowed(
            f"{what} would take our routes.",
            hint="Name one with --aicr-gateway, or allow a new one: --aicr-allow load-balancer.",
        )
    return f"Gateway {found[0]}"


def _service_or_collector(run: "Run") -> str:
    service = run.settings.service
    return f"of {service}" if service else _solution("metrics")(run)


def _exporter(run: "Run") -> str:
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters

    exporters = Exporters(
        run.cluster,
        Waiter(run.cluster, _AT_ONCE),
        run.accelerators,
        lambda: run.evidence,
        run.settings.exporter,
    )
    pods = exporters.endpoints()
    return f"{len(pods)} pod{'s' * (len(pods) != 1)} of {exporters.profile.name}"


def _metrics_api(run: "Run") -> str:
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.requirements.pod_autoscaling.metric import PodMetrics

    waiter = Waiter(run.cluster, _AT_ONCE)
    PodMetrics(run.cluster, waiter, named=run.settings.hpa_metric, patterns=tuple).require()
    return "a metrics API answers"


_ANY = "aicr-forecast"
"""Stands for the namespaces of a run, which are not there yet."""
_AT_ONCE = 0.001
"""Scale of deadlines that lets a wait look once."""

_LOOKS: dict[str, tuple[Look, ...]] = {
    "dra_support": (_served_dra, _nodes("dra", "extended-resource")),
    "ai_inference": (_solution("gateway"), _entrance),
    "gang_scheduling": (_solution("gang"), _nodes()),
    "cluster_autoscaling": (_solution("autoscaler"), _allowed("scale-out")),
    "pod_autoscaling": (_metrics_api, _nodes(once=True)),
    "accelerator_metrics": (_nodes(once=True), _exporter),
    "ai_service_metrics": (_service_or_collector,),
    "secure_accelerator_access": (_nodes(),),
    "robust_controller": (_solution("operator"),),
}
"""Requirement → what its checks look at first, in their order."""


def _first_line(error: AicrError) -> str:
    return str(error).partition("\n")[0]
