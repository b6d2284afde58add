"""Metrics of the platform's accelerators: what exporters say and what the monitoring system has."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import (
    DoesNotApply,
    EndpointSilent,
    ProbeFailed,
    SolutionAbsent,
    WaitTimeout,
)
from aicr_pytest.requirements.accelerator_metrics import readings
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial
from aicr_pytest.requirements.accelerator_metrics.readings import Exposed, Offered

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.monitoring.discovery import Monitoring
    from aicr_pytest.monitoring.prometheus import Prometheus
    from aicr_pytest.workloads.actors import Actors
    from aicr_pytest.workloads.pods_per_node import PodsPerNode

_TELL = (
    "Label the nodes as GPU feature discovery does, with the number of their devices or of the "
    "shares of each."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What the monitoring system gets of the accelerators."""

    exposed: frozenset[str]
    """Identities that the exporters show."""
    collected: frozenset[str]
    """Of them, those of which it has got new samples."""
    late: str
    """Why it has not got all of them; empty where it has."""

    def because(self) -> str:
        """Which are missing."""
        missing = ", ".join(sorted(self.exposed - self.collected))
        return f"{self.late}; no new sample of {missing}"


class Metrics:
    """What there is to measure, and who measures it (fixture ``aicr_metrics``)."""

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        accelerators: "Accelerators",
        monitoring: "Monitoring",
        evidence: Callable[[], "CheckEvidence"],
        *,
        exporter: str | None = None,
    ) -> None:
        self.exporters = Exporters(cluster, waiter, accelerators, evidence, namespace=exporter)
        """The vendor's exporter on each accelerator node."""
        self._waiter = waiter
        self._monitoring = monitoring
        self._evidence = evidence

    @property
    def prometheus(self) -> "Prometheus":
        """The monitoring system's API.

        Raises:
            SolutionAbsent: the cluster shows none, and the user named none.
        """
        return self._monitoring.prometheus

    # -- every accelerator ---------------------------------------------------------------------

    def answers_that_are_no_metrics(self) -> list[str]:
        """Answers of exporters that are not what their content type claims, as sentences."""
        found = self.exporters.invalid()
        for pod, content_type in sorted(self.exporters.claimed_types().items()):
            self._evidence().fact(f"content type of {pod}", content_type or "none")
        return found

    def accelerators_without_series(self) -> list[str]:
        """Accelerators without utilization and memory of their own, as sentences.

        Raises:
            ProbeFailed: whether they are all there cannot be told.
        """
        profile = self.exporters.profile
        seen: dict[str, tuple[Offered, list[Exposed]]] = {}

        def look(node: AcceleratorNode) -> list[str]:
            offered, exposed = self.exporters.offered(node), self.exporters.exposed(node.name)
            seen[node.name] = offered, exposed
            found = readings.coverage_faults(profile, offered, exposed)
            if found and (doubt := readings.may_be_shares(profile, offered, exposed)):
                raise ProbeFailed(doubt, hint=_TELL)
            return found

        found = self.exporters.gather(look)
        answers = [seen[name] for name in sorted(seen)]
        self._show_identities(answers)
        return found + readings.foreign_faults(profile, answers)

    def _show_identities(self, answers: Sequence[tuple[Offered, Sequence[Exposed]]]) -> None:
        profile = self.exporters.profile
        rows = []
        for offered, exposed in answers:
            used = set(readings.shown(profile, profile.utilization, exposed))
            memory = set(readings.shown(profile, profile.memory, exposed))
            if not offered.identities:
                rows.append([offered.node, f"{offered.count}", f"{len(used)}", f"{len(memory)}"])
                continue
            known = (offered.identities, used, memory)
            rows += [
                [offered.node, *(one if one in where else "" for where in known)]
                for one in sorted(offered.identities | used | memory)
            ]
        columns = ["node", "offered", "utilization of", "memory of"]
        self._evidence().table(
            "Accelerators as offered and as exposed",
            columns,
            rows,
            source="ResourceSlices or allocatable, and the exporters' answers",
            compare=columns[1:],
        )

    def sensors_without_sensible_values(self) -> list[str]:
        """Sensors that are announced without sensible values, as sentences.

        Raises:
            DoesNotApply: no exporter offers temperature, power or interconnect.
        """
        profile = self.exporters.profile
        offered_somewhere: dict[str, list[readings.Series]] = {}

        def look(node: AcceleratorNode) -> list[str]:
            exposed = self.exporters.exposed(node.name)
            for what, there in readings.sensors(profile, exposed).items():
                offered_somewhere.setdefault(what, []).extend(there)
            return readings.sensor_faults(profile, self.exporters.offered(node), exposed)

        found = self.exporters.gather(look)
        for what in profile.sensors:
            self._evidence().fact(what, readings.span(offered_somewhere.get(what, ())))
        if not offered_somewhere:
            raise DoesNotApply(f"The exporter offers none of {', '.join(profile.sensors)}.")
        return found

    def stale_answers(self) -> list[str]:
        """Answers that are too old, as sentences: by their own word, or by what does not grow."""
        recent: dict[str, tuple[Offered, list[Exposed]]] = {}

        def look(node: AcceleratorNode) -> list[str]:
            exposed = self.exporters.exposed(node.name)
            self._evidence().fact(f"samples on {node.name}", readings.ages(exposed))
            found = readings.staleness(exposed)
            if not found:
                recent[node.name] = self.exporters.offered(node), exposed
            return found

        return self.exporters.gather(look) + self._standing(recent)

    def _standing(self, first: Mapping[str, tuple[Offered, Sequence[Exposed]]]) -> list[str]:
        """Counters that grow of every accelerator that is on, and do not, as sentences.

        Args:
            first: node → what it offers, and what its exporter said at the first look.
        """
        profile = self.exporters.profile
        stands = {
            node: readings.standing(profile, offered, said, said)
            for node, (offered, said) in sorted(first.items())
        }
        growing = sum(map(len, stands.values()))
        self._evidence().fact("accelerators with a counter that always grows", str(growing))

        def look(node: str) -> None:
            with contextlib.suppress(EndpointSilent):
                still = readings.standing(profile, *first[node], self.exporters.exposed_now(node))
                stands[node] = {one: still[one] for one in stands[node].keys() & still.keys()}

        def look_on() -> int:
            with ThreadPoolExecutor(max_workers=8) as threads:
                list(threads.map(look, [node for node, those in stands.items() if those]))
            return sum(map(len, stands.values()))

        seconds = self._waiter.deadlines.reading_follows
        try:
            if growing:
                self._waiter.poll(
                    "what every accelerator uses: grown",
                    look_on,
                    until=lambda still: not still,
                    describe=lambda still: f"{still} of {growing} stand still",
                    timeout=seconds,
                )
        except WaitTimeout:
            return [
                f"{node}: {told} for {seconds * self._waiter.scale:g} s"
                for node, those in stands.items()
                for _, told in sorted(those.items())
            ]
        return []

    # -- under load ----------------------------------------------------------------------------

    def load_trial(self, actors: "Actors") -> LoadTrial:
        """Idle, busy, idle again: the actors ``loaded`` and, where there is room, ``idling``.

        ``rest`` holds what these two leave.
        """

        def cast() -> "tuple[PodsPerNode, PodsPerNode | None]":
            if "idling" not in actors:
                return actors["loaded"], None
            loaded, idling = actors.together("loaded", "idling")
            return loaded, idling

        def rest() -> "PodsPerNode | None":
            if "rest" not in actors:
                return None
            return actors["rest"]

        return LoadTrial(self.exporters, self._waiter, self._evidence, cast, rest)

    # -- the monitoring system -----------------------------------------------------------------

    def collection(self) -> Collection:
        """The accelerators that exporters show, and those of which there come new samples.

        Raises:
            DoesNotApply: there is no monitoring system that we could ask in the cluster.
        """
        profile = self.exporters.profile
        nodes = [node.name for node in self.exporters.nodes()]
        exposed = [answer for node in nodes for answer in self.exporters.exposed(node)]
        shown = readings.shown(profile, profile.utilization, exposed)
        if not shown:
            raise DoesNotApply("The exporters expose no utilization that could be collected.")
        wanted = frozenset(shown)
        names = tuple(dict.fromkeys(reading.name for reading, _ in shown.values()))
        try:
            prometheus = self.prometheus
        except SolutionAbsent as absent:
            raise DoesNotApply(str(absent)) from absent
        self._evidence().fact("monitoring system", str(prometheus))
        asked_at = prometheus.now()
        # A sample that was there before proves nothing: its series stays visible for 5 min.
        expression = " or ".join(f"timestamp({name}) > {asked_at:.3f}" for name in names)
        renewed: frozenset[str] = frozenset()

        def look() -> frozenset[str]:
            nonlocal renewed
            renewed = wanted & {
                readings.identity_of(profile, series.labels)
                for series in prometheus.query(expression)
            }
            return renewed

        late = ""
        try:
            self._waiter.poll(
                f"{prometheus}: new samples of {' and '.join(names)}",
                look,
                until=lambda seen: seen == wanted,
                describe=lambda seen: f"{len(seen)} of {len(wanted)} accelerators",
                timeout=self._waiter.deadlines.monitoring_follows,
            )
        except WaitTimeout as error:
            late = str(error)
        finally:
            for name in names:
                prometheus.query(name, title=f"{name} in the monitoring system")
        return Collection(exposed=wanted, collected=renewed, late=late)
