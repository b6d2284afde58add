"""The requirements of the CNCF Kubernetes AI Conformance programme, as data.

Ids, categories and levels are the programme's facts; the titles are ours. The official wording is
not here: it is read at run time from a checkout of cncf/k8s-ai-conformance, where one is given.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from aicr_pytest.errors import SettingsError


class Level(StrEnum):
    """What a list of the programme says about a requirement."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    NOT_LISTED = "not listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A short name under which a requirement is asked for, as a mark and as ``--aicr-feature``."""

    mark: str
    """The mark, e.g. ``dra`` for ``pytest -m dra``."""
    aliases: tuple[str, ...] = ()
    """Further names that ``--aicr-feature`` takes; those without a dash are marks too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One id of the lists."""

    id: str
    """As published, e.g. ``secure_accelerator_access``."""
    category: str
    """The key in the programme's lists, e.g. ``security``."""
    title: str
    """Ours, a few words."""
    levels: dict[str, Level]
    """Level per Kubernetes minor version; a version that is missing does not list the id."""
    feature: Feature | None = None
    """How it is asked for by a short name; None where only the id asks for it."""
    may_be_not_applicable: bool = False
    """Whether the programme lets a submitter answer N/A although the level is MUST."""

    def level(self, version: str) -> Level:
        """The level in the list of a Kubernetes minor version, e.g. ``1.37``."""
        return self.levels.get(version, Level.NOT_LISTED)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that ``--aicr-feature`` takes for it, the id first."""
        if self.feature is None:
            return (self.id,)
        return tuple(dict.fromkeys((self.id, self.feature.mark, *self.feature.aliases)))

    @property
    def marks(self) -> tuple[str, ...]:
        """Every mark that selects it: the id, the feature mark and aliases that can be marks."""
        return tuple(name for name in self.names if name.isidentifier())


VERSIONS = ("1.33", "1.34", "1.35", "1.36", "1.37")
"""Kubernetes versions whose lists are known, oldest first."""


def _levels(first: str, last: str, *levels: str) -> dict[str, Level]:
    versions = VERSIONS[VERSIONS.index(first) : VERSIONS.index(last) + 1]
    if len(levels) == 1:
        levels *= len(versions)
    return {version: Level(level) for version, level in zip(versions, levels, strict=True)}


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        id="dra_support",
        category="accelerators",
        title="Dynamic resource allocation",
        levels=_levels("1.33", "1.35", "SHOULD", "MUST", "MUST"),
        feature=Feature(mark="dra", aliases=("dra-support",)),
    ),
    Requirement(
        id="driver_runtime_management",
        category="accelerators",
        title="Driver and runtime versions can be verified",
        levels=_levels("1.35", "1.37", "SHOULD"),
    ),
    Requirement(
        id="gpu_sharing",
        category="accelerators",
        title="Accelerators can be shared",
        levels=_levels("1.35", "1.37", "SHOULD"),
    ),
    Requirement(
        id="virtualized_accelerator",
        category="accelerators",
        title="Virtual accelerators are managed like physical ones",
        levels=_levels("1.35", "1.37", "SHOULD"),
    ),
    Requirement(
        id="ai_inference",
        category="networking",
        title="Inference traffic through the Gateway API",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="gateway", aliases=("inference-gateway",)),
    ),
    Requirement(
        id="advanced_inference_ingress",
        category="networking",
        title="Gateway API Inference Extension",
        levels=_levels("1.36", "1.37", "SHOULD"),
    ),
    Requirement(
        id="high_performance_networking",
        category="networking",
        title="High-performance network interfaces for pods",
        levels=_levels("1.36", "1.37", "SHOULD"),
    ),
    Requirement(
        id="disaggregated_inference",
        category="networking",
        title="Inference with separate phases",
        levels=_levels("1.36", "1.37", "SHOULD"),
    ),
    Requirement(
        id="gang_scheduling",
        category="schedulingOrchestration",
        title="All-or-nothing scheduling",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="gang", aliases=("gang-scheduling",)),
    ),
    Requirement(
        id="cluster_autoscaling",
        category="schedulingOrchestration",
        title="Accelerator nodes come and go with demand",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="cluster_autoscaling", aliases=("cluster-autoscaling",)),
        may_be_not_applicable=True,
    ),
    Requirement(
        id="pod_autoscaling",
        category="schedulingOrchestration",
        title="Accelerator pods scale by AI metrics",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="hpa", aliases=("pod-autoscaling",)),
    ),
    Requirement(
        id="accelerator_metrics",
        category="observability",
        title="Metrics of every accelerator",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="accelerator_metrics", aliases=("metrics", "accelerator-metrics")),
    ),
    Requirement(
        id="ai_service_metrics",
        category="observability",
        title="Metrics of AI services",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="service_metrics", aliases=("service-metrics",)),
    ),
    Requirement(
        id="secure_accelerator_access",
        category="security",
        title="Access to accelerators is isolated and mediated",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="secure", aliases=("secure-access",)),
    ),
    Requirement(
        id="workload_sandboxing",
        category="security",
        title="Sandboxes with strong isolation from the host kernel",
        levels=_levels("1.37", "1.37", "SHOULD"),
    ),
    Requirement(
        id="robust_controller",
        category="operator",
        title="A complex AI operator works",
        levels=_levels("1.33", "1.37", "MUST"),
        feature=Feature(mark="operator", aliases=("robust-operator",)),
    ),
)

NOT_AUTOMATED: dict[str, str] = {
    "driver_runtime_management": "checks are planned; no check yet",
    "gpu_sharing": "checks are planned; no check yet",
    "virtualized_accelerator": "needs virtual accelerators; no check yet",
    "advanced_inference_ingress": "covered by the extension's own conformance suite; no check yet",
    "high_performance_networking": "needs secondary interfaces; no check yet",
    "disaggregated_inference": "needs a served model; no check yet",
    "workload_sandboxing": "checks are planned; no check yet",
}
"""Requirements that no check looks at, each with the reason."""

BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


def mark_names() -> dict[str, Requirement]:
    """Every mark that selects a requirement, with the requirement."""
    return {mark: requirement for requirement in REQUIREMENTS for mark in requirement.marks}


def find_requirement(name: str) -> Requirement:
    """The requirement of a feature name, alias or id.

    Raises:
        SettingsError: nothing is called so; the message lists what is.
    """
    import difflib  # only for a typing error, and importing the plugin has to be cheap

    by_name = {n: requirement for requirement in REQUIREMENTS for n in requirement.names}
    if name in by_name:
        return by_name[name]
    close = difflib.get_close_matches(name, by_name, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise SettingsError(
        f"{name!r} is no feature, alias or requirement id.{hint}\n  Valid: {', '.join(by_name)}."
    )


def minor_version(version: str) -> str:
    """``1.37`` from what a server, a tag or a user says, e.g. ``v1.37.2-gke.1``.

    Raises:
        ValueError: it does not begin with two numbers.
    """
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None:
        raise ValueError(f"{version!r} is no Kubernetes version; an example: 1.37")
    return f"{found[1]}.{found[2]}"


def is_listed(version: str) -> bool:
    """Whether the list of a Kubernetes version is known."""
    return minor_version(version) in VERSIONS


def applicable_list(version: str) -> str:
    """The known list that applies to a Kubernetes version: its own, else the nearest known one."""

    def number(minor: str) -> tuple[int, ...]:
        return tuple(int(part) for part in minor.split("."))

    wanted = minor_version(version)
    older = [known for known in VERSIONS if number(known) <= number(wanted)]
    return older[-1] if older else VERSIONS[0]


def list_told(version: str, chosen: str) -> str:
    """Which list judges a server, and why where it is not that of its own version.

    Args:
        version: of the server.
        chosen: version whose list applies.
    """
    told = f"the list of Kubernetes {chosen}"
    if minor_version(version) == chosen:
        return told
    if is_listed(version) or chosen != applicable_list(version):
        return f"{told} (by --aicr-k8s-version; the server has {minor_version(version)})"
    return f"{told} (the nearest: none is known of the server's own version)"
