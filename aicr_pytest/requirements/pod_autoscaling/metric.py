"""The metric by which pods are scaled: which one is served, by which API, and its target."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aicr_pytest.errors import EndpointSilent, ProbeFailed, SolutionAbsent, WaitTimeout
from aicr_pytest.monitoring.metrics_api import (
    CustomMetrics,
    ExternalMetrics,
    MetricsApi,
    Reply,
    all_matching,
    matching,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter

TARGET = 50.0
"""Half of full load, where metrics are percent; ``--aicr-hpa-metric NAME=TARGET`` names another."""

_UNSEEN = "By which metric pods with accelerators can be scaled is not seen"
_NAME_ANOTHER = (
    "Name one that custom.metrics.k8s.io or external.metrics.k8s.io has for each of the pods: "
    "--aicr-hpa-metric NAME=TARGET."
)

T = TypeVar("T")
Offers = list[tuple[MetricsApi, list[str]]]
"""Names of metrics by API, those of pods first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodMetric:
    """One metric of pods."""

    name: str
    """As its API has it."""
    target: float
    """What the autoscaler shall keep the average of the pods at."""
    api: MetricsApi
    """Who serves it."""
    by_user: bool = False
    """Whether the user says that pods are scaled by it; else it was guessed by its name."""

    def of_app(self, namespace: str, app: str) -> Reply:
        """What is said of the pods of an app.

        Raises:
            EndpointSilent: no answer.
        """
        return self.api.of_pods(namespace, f"app={app}", self.name)

    def excuse(self, pod: str, seen: str) -> ProbeFailed | None:
        """Why nobody is accused where it has no value for a pod of ours; None: by the user's word.

        Pods can be scaled by metrics that we neither know nor emit. That one whose name we like
        tells of the exporter's pod, as by default with prometheus-adapter, proves nothing of them.
        """
        if self.by_user:
            return None
        return ProbeFailed(
            f"{_UNSEEN}: {self.api.group} offers {self.name}, and it tells nothing of our pod {pod}"
            f" within the time for samples: {seen}",
            hint="Where its samples name the exporter's pod in place of the workload's, the"
            f" exporter's ServiceMonitor lacks honorLabels: true. {_NAME_ANOTHER}",
        )


class PodMetrics:
    """The metrics APIs, asked for a metric of pods that hold accelerators.

    Args:
        named: the user's ``NAME[=TARGET]``; None: one that the vendor's patterns fit.
        has_value: whether an API has a value of a metric, by its name, for a pod of ours.
    """

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        *,
        named: str | None,
        patterns: Callable[[], Sequence[str]],
        has_value: Callable[[MetricsApi, str], bool] = lambda api, name: True,
    ) -> None:
        self._apis: tuple[MetricsApi, ...] = (CustomMetrics(cluster), ExternalMetrics(cluster))
        self._waiter = waiter
        self._named = named
        self._patterns = patterns
        self._has_value = has_value

    def require(self) -> None:
        """Go on only where a metrics API answers.

        Raises:
            SolutionAbsent: none is registered.
            WaitTimeout: one is registered, and nobody serves it.
        """
        self._waiter.poll(
            "the metrics API answers",
            lambda: self._answers(MetricsApi.require),
            until=bool,
            timeout=self._waiter.deadlines.monitoring_answers,
            tolerate=(EndpointSilent,),
        )

    def choose(self) -> PodMetric:
        """The user's, or the first that is offered and tells of accelerators.

        Asked once a pod of ours holds one: an adapter offers what it has seen samples of, and looks
        for new names every few minutes.

        Raises:
            ProbeFailed: none is seen; which ones an API has, it need not list (KEDA lists none).
            WaitTimeout: the APIs do not answer any more.
        """
        name, _, target = (self._named or "").partition("=")
        try:
            api, matched = self._of_the_user(name) if name else self._of_the_vendor()
        except WaitTimeout as error:
            with contextlib.suppress(EndpointSilent):
                self._answers(lambda api: api.offered())
                raise ProbeFailed(f"{_UNSEEN}: {error}", hint=_NAME_ANOTHER) from error
            raise
        return PodMetric(name=matched, target=float(target or TARGET), api=api, by_user=bool(name))

    def _of_the_user(self, name: str) -> tuple[MetricsApi, str]:
        try:
            return self._await([name], any_api=True, timeout=self._waiter.deadlines.samples_follow)
        except WaitTimeout:  # not every API lists what it serves
            for api, has_it in self._answers(lambda api: self._has_it(api, name)):
                if has_it:
                    return api, name
            raise

    def _has_it(self, api: MetricsApi, name: str) -> bool:
        return bool(api.require()) and self._has_value(api, name)

    def _of_the_vendor(self) -> tuple[MetricsApi, str]:
        patterns, deadlines = self._patterns(), self._waiter.deadlines
        at_once = deadlines.samples_follow
        # One of pods goes before an external one, which may have been there all the while.
        with contextlib.suppress(WaitTimeout):
            first = self._await(patterns, any_api=False, timeout=at_once)
            return self._telling(first, patterns, at_once)
        return self._await(patterns, any_api=True, timeout=deadlines.metric_offered - at_once)

    def _telling(
        self, first: tuple[MetricsApi, str], patterns: Sequence[str], timeout: float
    ) -> tuple[MetricsApi, str]:
        """Of several metrics the first that tells of our pod; the first of all if none does.

        A metric is offered, too, whose samples name the exporter's pod in place of ours.
        """
        with contextlib.suppress(WaitTimeout, EndpointSilent):
            if len(self._all_offered(patterns)) > 1:
                self._waiter.poll(
                    f"the metrics API: a value of {first[1]} for our pod",
                    lambda: self._has_value(*first),
                    until=bool,
                    timeout=timeout,
                    tolerate=(EndpointSilent,),
                )
            return first
        with contextlib.suppress(EndpointSilent):
            others = self._all_offered(patterns)
            return next((other for other in others if self._has_value(*other)), first)
        return first

    def _all_offered(self, patterns: Sequence[str]) -> list[tuple[MetricsApi, str]]:
        answers = self._answers(lambda api: all_matching(api.offered(), patterns))
        return [(api, name) for api, names in answers for name in names]

    def _await(
        self, wanted: Sequence[str], *, any_api: bool, timeout: float
    ) -> tuple[MetricsApi, str]:
        """The first API that offers a metric that is wanted, and its name there."""

        def found(offers: Offers) -> list[tuple[MetricsApi, str]]:
            searched = offers if any_api else offers[:1]
            matches = [(api, matching(names, wanted)) for api, names in searched]
            return [(api, name) for api, name in matches if name]

        offers: Offers = self._waiter.poll(
            f"the metrics API: a metric of accelerator pods ({', '.join(wanted)})",
            lambda: self._answers(lambda api: api.offered()),
            until=lambda offers: bool(found(offers)),
            describe=lambda offers: "; ".join(
                f"{api.group} offers {', '.join(names) or 'nothing'}" for api, names in offers
            ),
            timeout=timeout,
            tolerate=(EndpointSilent,),
        )
        return found(offers)[0]

    def _answers(self, ask: Callable[[MetricsApi], T]) -> list[tuple[MetricsApi, T]]:
        """What each API says that is registered and answers.

        Raises:
            SolutionAbsent: none is registered; as the first one says.
            EndpointSilent: none answers, and one is registered.
        """
        answers: list[tuple[MetricsApi, T]] = []
        failures: list[SolutionAbsent | EndpointSilent] = []
        for api in self._apis:
            try:
                answers.append((api, ask(api)))
            except (SolutionAbsent, EndpointSilent) as error:
                failures.append(error)
        if not answers:
            raise next((e for e in failures if isinstance(e, EndpointSilent)), failures[0])
        return answers
