"""Which rights are missing, asked of the API server before anything is made."""

import concurrent.futures
import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster.access import Rule

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A right that a feature needs."""

    verb: str
    group: str
    """API group; empty for the core group."""
    resource: str
    """Plural, e.g. ``pods``."""
    subresource: str = ""
    namespaced: bool
    """Whether it is needed only in namespaces that the run makes."""
    namespace: str = ""
    """The only namespace in which it is needed; empty: the run's own, or the whole cluster."""
    feature: str
    """The feature that needs it, e.g. ``dra``; empty for all."""
    why: str
    """What it is needed for, in a few words."""

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {resource}" + (f".{self.group}" if self.group else "")

    @property
    def rule(self) -> Rule:
        """The same right as a rule of a role."""
        return Rule(
            verb=self.verb,
            group=self.group,
            resource=self.resource,
            subresource=self.subresource,
            namespaced=self.namespaced,
        )


def needs(rules: Iterable[Rule], *, feature: str, why: str) -> list[Need]:
    """Needs out of rules; paths that are no resources are open to every user and left out."""
    return [
        Need(
            verb=rule.verb,
            group=rule.group,
            resource=rule.resource,
            subresource=rule.subresource,
            namespaced=rule.namespaced,
            feature=feature,
            why=why,
        )
        for rule in sorted(set(rules))
        if rule.resource
    ]


def review(cluster: "Cluster", needs: Sequence[Need]) -> list[Need]:
    """The needs that are not met, in their order; each right is asked for once.

    The namespaces of the run do not exist yet, so rights in them are asked for in all namespaces.

    Raises:
        AicrError: the API server does not answer the question.
    """

    def question(need: Need) -> tuple[str, str, str, str, str]:
        return need.verb, need.group, need.resource, need.subresource, need.namespace

    def allowed(asked: tuple[str, str, str, str, str]) -> bool:
        verb, group, resource, subresource, namespace = asked
        return cluster.can(
            verb, resource, group=group, subresource=subresource, namespace=namespace
        )

    questions = {question(need) for need in needs}
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        answers = dict(zip(questions, pool.map(allowed, questions), strict=True))
    return [need for need in needs if not answers[question(need)]]
