"""ResourceClaims of gangs: what unbound members hold already, and what nobody holds any more."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import POD, RESOURCE_CLAIM, Object
from aicr_pytest.errors import WaitTimeout

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.requirements.gang_scheduling.recorder import Gang
    from aicr_pytest.requirements.platform import Platform


class Claims:
    """Those in the workspace of the experiments; none where a device plugin counts."""

    def __init__(self, platform: "Platform", node: "AcceleratorNode") -> None:
        self._platform = platform
        self._node = node

    def of_unbound(self, gang: "Gang") -> list[str]:
        """Claims of unbound members that hold something."""
        names = {member.pod.name for member in gang.members}
        return [
            f"{claim['metadata']['name']} of unbound pod {owner} holds devices"
            for claim in self._all()
            for owner in _owners(claim)
            if owner in names and (claim.get("status") or {}).get("allocation")
        ]

    def _all(self) -> list[Object]:
        workspace = self._platform.workspaces.at()
        if self._node.mechanism == "device-plugin":
            return []
        return workspace.cluster.list(RESOURCE_CLAIM, workspace.namespace)

    def held_for_nobody(self) -> list[str]:
        """Claims of ours that stay allocated although their pods are gone."""
        waiter = self._platform.waiter
        try:
            waiter.poll(
                "Accelerators of the gangs: given back",
                self.stranded,
                until=lambda held: not held,
                describe=lambda held: "; ".join(held) or "none is held",
                timeout=waiter.deadlines.claim_released,
                every=0.5,
            )
        except WaitTimeout:
            return self.stranded()
        return []

    def stranded(self) -> list[str]:
        """Claims of ours that are allocated and whose pods are gone or have ended, as sentences."""
        workspace = self._platform.workspaces.at()
        running = {
            pod["metadata"]["name"]
            for pod in workspace.cluster.list(POD, workspace.namespace)
            if pod_state.phase(pod) not in ("Succeeded", "Failed")
        }
        return [
            f"ResourceClaim {claim['metadata']['name']} is still allocated, and its pod is gone"
            for claim in self._all()
            if (claim.get("status") or {}).get("allocation")
            and not running.intersection(_owners(claim))
        ]


def _owners(claim: Object) -> list[str]:
    return [owner["name"] for owner in claim["metadata"].get("ownerReferences") or ()]
