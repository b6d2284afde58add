"""What is said of gangs by the objects that stand for them; it explains, and decides nothing."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import GangScheduler

if TYPE_CHECKING:
    from aicr_pytest.requirements.gang_scheduling.recorder import Gang, GangRecorder
    from aicr_pytest.requirements.platform import Platform


class GangStatus:
    """The objects of one gang scheduler."""

    def __init__(self, scheduler: GangScheduler, platform: "Platform") -> None:
        self._scheduler = scheduler
        self._platform = platform

    def messages(self, *gangs: "Gang") -> list[str]:
        """Why gangs wait, as their objects say."""
        told = [self._scheduler.message(obj) for gang in gangs for obj in self._telling(gang)]
        return [message for message in told if message]

    def _telling(self, gang: "Gang") -> list[Object]:
        """The objects that say how a gang fares, as they are now."""
        workspace = self._platform.workspaces.at()
        return [
            now
            for obj in gang.status_objects
            if (
                now := workspace.cluster.find(
                    workspace.cluster.kind_of(obj), obj["metadata"]["name"], workspace.namespace
                )
            )
        ]

    def record(self, recorder: "GangRecorder", *gangs: "Gang") -> None:
        """Timeline, reasons and gang objects, into the evidence of the check that runs."""
        evidence = self._platform.evidence
        recorder.record(evidence)
        for obj in (obj for gang in gangs for obj in self._telling(gang)):
            name, where = obj["metadata"]["name"], obj["metadata"]["namespace"]
            source = self._platform.cluster.kind_of(obj).request("GET", where, name)
            evidence.yaml(f"{obj['kind']} {name}", obj, source=source)
