"""Metrics of the platform's accelerators: what exporters say and what the monitoring system has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import DoesNotApply, SolutionAbsent, WaitTimeout
from aicr_pytest.requirements.accelerator_metrics import readings
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.monitoring.discovery import Monitoring
    from aicr_pytest.monitoring.prometheus import Prometheus
    from aicr_pytest.workloads.actors import Actors
    from aicr_pytest.workloads.pods_per_node import PodsPerNode


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
        """Accelerators without utilization and memory of their own, as sentences."""
        profile = self.exporters.profile

        def look(node: AcceleratorNode) -> list[str]:
            offered, exposed = self.exporters.offered(node), self.exporters.exposed(node.name)
            return readings.coverage_faults(profile, offered, exposed)

        found = self.exporters.gather(look)
        self._show_identities()
        return found

    def _show_identities(self) -> None:
        profile = self.exporters.profile
        rows = []
        for node in self.exporters.nodes():
            offered = self.exporters.offered(node)
            exposed = self.exporters.exposed(node.name)
            used = readings.identities(profile, profile.utilization, exposed)
            memory = readings.identities(profile, profile.memory, exposed)
            if not offered.identities:
                rows.append([node.name, f"{offered.count}", f"{len(used)}", f"{len(memory)}"])
                continue
            known = (offered.identities, used, memory)
            rows += [
                [node.name, *(one if one in where else "" for where in known)]
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
        offered_somewhere: dict[str, list[readings.Sensor]] = {}

        def look(node: AcceleratorNode) -> list[str]:
            exposed = self.exporters.exposed(node.name)
            for what, sensor in readings.sensors(profile, exposed).items():
                offered_somewhere.setdefault(what, []).append(sensor)
            return readings.sensor_faults(profile, self.exporters.offered(node), exposed)

        found = self.exporters.gather(look)
        for what in profile.sensors:
            self._evidence().fact(what, readings.span(offered_somewhere.get(what, ())))
        if not offered_somewhere:
            raise DoesNotApply(f"The exporter offers none of {', '.join(profile.sensors)}.")
        return found

    def stale_answers(self) -> list[str]:
        """Answers that say themselves that they are too old, as sentences."""

        def look(node: AcceleratorNode) -> list[str]:
            exposed = self.exporters.exposed(node.name)
            self._evidence().fact(f"samples on {node.name}", readings.ages(exposed))
            return readings.staleness(exposed)

        return self.exporters.gather(look)

    # -- under load ----------------------------------------------------------------------------

    def load_trial(self, actors: "Actors") -> LoadTrial:
        """Idle, busy, idle again: the actors ``loaded`` and, where there is room, ``idling``."""

        def cast() -> "tuple[PodsPerNode, PodsPerNode | None]":
            if "idling" not in actors:
                return actors["loaded"], None
            loaded, idling = actors.together("loaded", "idling")
            return loaded, idling

        return LoadTrial(self.exporters, self._waiter, self._evidence, cast)

    # -- the monitoring system -----------------------------------------------------------------

    def collection(self) -> Collection:
        """The accelerators that exporters show, and those of which there come new samples.

        Raises:
            DoesNotApply: there is no monitoring system that we could ask in the cluster.
        """
        profile = self.exporters.profile
        nodes = [node.name for node in self.exporters.nodes()]
        exposed = [answer for node in nodes for answer in self.exporters.exposed(node)]
        reading = readings.chosen(profile.utilization, exposed)
        if reading is None:
            raise DoesNotApply("The exporters expose no utilization that could be collected.")
        wanted = frozenset(readings.identities(profile, (reading,), exposed))
        try:
            prometheus = self.prometheus
        except SolutionAbsent as absent:
            raise DoesNotApply(str(absent)) from absent
        self._evidence().fact("monitoring system", str(prometheus))
        asked_at = prometheus.now()
        # A sample that was there before proves nothing: its series stays visible for 5 min.
        expression = f"timestamp({reading.name}) > {asked_at:.3f}"
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
                f"{prometheus}: new samples of {reading.name}",
                look,
                until=lambda seen: seen == wanted,
                describe=lambda seen: f"{len(seen)} of {len(wanted)} accelerators",
                timeout=self._waiter.deadlines.monitoring_follows,
            )
        except WaitTimeout as error:
            late = str(error)
        finally:
            prometheus.query(reading.name, title=f"{reading.name} in the monitoring system")
        return Collection(exposed=wanted, collected=renewed, late=late)
