"""A run whose checks keep the picture of each requirement, as the suite's own checks do."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from aicr_pytest.evidence.check import CheckEvidence
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.evidence.record import Outcome, Phase
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import CheckResult, ClusterInfo, RequirementResult, RunInfo
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.evidence.timeline import Timeline
from aicr_pytest.reports.writing import write_reports
from tests.unit.reports.sample import UUIDS, ticking

Rows = Sequence[Sequence[object]]

CHAIN = Picture(
    kind="chain", parts={"published": "in slice", "allocated": "device", "seen": "inside"}
)
GRID = Picture(kind="grid", parts={"row": "who", "column": "device", "cell": "seen"})
SHARES = Picture(
    kind="shares", parts={"name": "backend", "value": "%", "low": "min", "high": "max"}
)
CHANGE = Picture(kind="change", parts={"name": "target", "before": "before", "after": "after"})
LANES = Picture(kind="lanes", parts={"name": "pod", "start": "from", "end": "until"})
TWINS = Picture(kind="twins", parts={"name": "resource", "differs": "flaw", "answer": "answer"})
KINDS = (CHAIN, GRID, SHARES, CHANGE, LANES, TWINS)

OWN = ("holder", "/dev/nvidia0 on node-0", "own", "own")
DENIED = ("rival", "/dev/nvidia0 on node-0", "denied", "denied")
OPENED = ("rival", "/dev/nvidia0 on node-0", "denied", "opened")
_NO_FURTHER = ("bystander, container sibling", "/dev/nvidia0 on node-0", "none", "none")


class Gallery:
    """Writes a run, check by check."""

    def __init__(self, directory: Path) -> None:
        clock = ticking()
        self.directory = directory
        self.store = EvidenceStore.open(directory, "gallery", Redactor(), clock=lambda: next(clock))
        self._results: dict[str, list[CheckResult]] = {}

    def check(self, requirement: str, name: str) -> CheckEvidence:
        """Begin a check."""
        title = name.removeprefix("test_").replace("_", " ")
        evidence = self.store.begin(requirement, name, title=title, proves=title, basis="text")
        evidence.phase = "call"
        return evidence

    def end(self, outcome: Outcome = "passed", message: str = "") -> None:
        """End the check that was begun last."""
        assert self.store.current
        record = self.store.current.record
        phases = [Phase(name="call", outcome="passed", seconds=1.5, message="")]
        self.store.end(self.store.current, outcome, message, phases, "")
        self._results.setdefault(record.requirement, []).append(
            CheckResult(
                check=record.check, title=record.title, basis="text", outcome=outcome,
                seconds=1.5, message=message,
            )
        )  # fmt: skip

    def drawn(
        self, requirement: str, picture: Picture, columns: Sequence[str], rows: Rows,
        *, compare: Sequence[str] = (), outcome: Outcome = "passed", name: str = "test_picture",
    ) -> None:  # fmt: skip
        """A whole check that keeps one table with a picture."""
        self.check(requirement, name).table(
            f"The table of {name}", columns, rows, source="a probe", compare=compare,
            picture=picture,
        )  # fmt: skip
        self.end(outcome)

    def timed(self, requirement: str) -> None:
        """A whole check that keeps a timeline."""
        began = datetime.datetime(2026, 11, 23, 20, 14, 5, tzinfo=datetime.UTC)
        timeline = Timeline("Replicas", {"metric": "%", "ready": "replicas"})
        for second, metric, ready in ((0, 3, 1), (1, 95, 1), (2, 95, 2), (9, 2, 1)):
            at = began + datetime.timedelta(seconds=second)
            timeline.sample(at, metric=float(metric), ready=float(ready))
        self.check(requirement, "test_timeline").timeline(timeline, source="asked every second")
        self.end()

    def publish(self) -> Path:
        """Write the run and its reports; gives the page."""
        requirements = tuple(
            RequirementResult(
                id=one, title=one.replace("_", " "), category="accelerators", level="MUST",
                verdict="Implemented", reason="All passed.", checks=tuple(checks),
            )
            for one, checks in self._results.items()
        )  # fmt: skip
        self.store.write_run(
            RunInfo(
                run_id="gallery", started_at="2026-11-23T20:14:05.000Z", seconds=9.0,
                cluster=ClusterInfo(context="gallery", version="v1.37.2"),
                requirements=requirements, list_version="1.37", exit_status=0,
            )
        )  # fmt: skip
        self.store.finish()
        assert write_reports(self.directory) == []
        return self.directory / "index.html"


def make(directory: Path) -> Path:
    """The whole gallery; gives its page."""
    all_of = Gallery(directory)
    identity = ("identity in slice", "identity inside")
    all_of.drawn(
        "dra_support",
        Picture(
            kind="chain",
            parts={"published": identity[0], "seen": identity[1], "allocated": "device"},
        ),
        ("device", *identity), [("gpu-0", UUIDS[0], UUIDS[0]), ("gpu-1", UUIDS[1], UUIDS[1])],
        compare=identity,
    )  # fmt: skip
    grid = ("who", "device", "expected", "seen")
    compared = ("expected", "seen")
    all_of.drawn(
        "secure_accelerator_access", GRID, grid, [OWN, DENIED], compare=compared, name="test_others"
    )
    all_of.drawn(
        "secure_accelerator_access", GRID, grid, [OWN, _NO_FURTHER], compare=compared,
        name="test_none",
    )  # fmt: skip
    all_of.drawn(
        "ai_inference", SHARES, ("backend", "min", "max", "%"),
        [("first", 75, 85, 81.1), ("second", 15, 25, 18.9)],
    )  # fmt: skip
    change = ("target", "before", "after", "gained", "sent")
    all_of.drawn(
        "ai_service_metrics", CHANGE, change, [("10.0.0.1:8000", 0, 20, 20, 20)],
        compare=("gained", "sent"),
    )  # fmt: skip
    lanes = ("pod", "from", "until")
    gang = [("blocker", "0.00", "1.30"), ("gang-0", "4.09", "7.5"), ("gang-1", "4.1", "")]
    all_of.drawn("gang_scheduling", LANES, lanes, gang)
    all_of.drawn("cluster_autoscaling", LANES, lanes, [("node new", "0.5", "41.6"), ("x", "", "")])
    twins = ("resource", "flaw", "expected", "answer")
    all_of.drawn(
        "robust_controller", TWINS, twins,
        [("flawed", "two groups of one name", "denied", "denied"),
         ("mended", "the same, mended", "admitted", "admitted")],
        compare=("expected", "answer"),
    )  # fmt: skip
    all_of.timed("pod_autoscaling")
    all_of.timed("accelerator_metrics")
    return all_of.publish()
