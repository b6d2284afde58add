"""What the cluster offers, as the header, preflight and run.json tell it."""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aicr_pytest.errors import AicrError

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.kinds import Object
    from aicr_pytest.evidence.run import AcceleratorPool, NodeSeen

SIMULATED = "aicr-pytest/simulated"
"""Label of the lab's nodes: however a run reaches them, it is marked as simulated."""

_CLOCK_TOLERANCE = 5
"""Seconds of difference between clocks that nobody needs to know of."""
_MOST_RUNS = 4
"""Other runs that are told each by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One look at the cluster's nodes and accelerators."""

    nodes: tuple[str, ...] = ()
    """Names of all nodes."""
    stock: "tuple[AcceleratorNode, ...]" = ()
    """Nodes that offer accelerators."""
    looked_at: tuple[str, ...] = ()
    """Names of the nodes that checks look at."""
    simulated: bool = False
    """Whether a node says that its accelerators are not real."""
    trouble: str = ""
    """Why there is nothing to look at; empty where there is."""
    clock_ahead: int = 0
    """Seconds by which the API server's clock is ahead of ours."""
    verified: bool = True
    """Whether the API server's certificate is verified."""
    dra_version: str = "v1"
    """In which DRA is spoken: a beta where the API server has no v1."""
    other_runs: tuple[str, ...] = ()
    """Other runs of ours that have something on the cluster: what, and whether they go on."""
    dead_apis: tuple[str, ...] = ()
    """APIServices whose server does not answer, each with the words for it."""
    cluster_id: str = ""
    """What tells the cluster from every other; empty where we may not see it."""
    software: Mapping[str, str] = field(default_factory=dict)
    """Node → what runs it, in a line."""
    set_aside: tuple[str, ...] = ()
    """Names of nodes whose pods nobody can look into: simulated or virtual ones."""

    undescribed: tuple[str, ...] = ()
    """Accelerators of other vendors than those of ``stock``, as ``node: name``."""

    @property
    def left_out(self) -> list[str]:
        """What is not looked at, and why, as sentences."""
        passed_over = [
            f"{node.name}: {_note(node)}"
            for node in self.stock
            if node.left_out or node.beside or (_note(node) and node.name not in self.looked_at)
        ]
        passed_over += [f"{told}, of a vendor that is not looked at" for told in self.undescribed]
        return passed_over + [f"{name}: simulated or virtual" for name in self.set_aside]

    def corrected(self, seen: Collection[str], published: Callable[[str], str]) -> "Survey":
        """With the nodes that checks have looked at, where they were not those that were meant.

        Args:
            seen: their names as the evidence has them.
            published: a text as the evidence has it.
        """
        from aicr_pytest.evidence.record import LOOKED_AT

        called = {
            name: published(f"{LOOKED_AT}{name}").removeprefix(LOOKED_AT) for name in self.nodes
        }
        names = tuple(name for name in self.nodes if called[name] in seen)
        return replace(self, looked_at=names) if names else self

    def lines(self) -> list[str]:
        """One line per node that is looked at, or why there is none."""
        if self.trouble:
            return [self.trouble]
        lines = [str(node) for node in self.stock if node.name in self.looked_at]
        if others := len({node.name for node in self.stock}.difference(self.looked_at)):
            lines.append(
                f"{others} more node{'s' * (others > 1)} of these kinds, looked at only where these"
                " are busy"
            )
        return lines

    def remarks(self) -> list[str]:
        """What else is worth knowing before anything is created."""
        remarks = []
        if not self.verified:
            remarks.append(
                "insecure: the API server's certificate is not verified (insecure-skip-tls-verify "
                "in the kubeconfig), so that anybody on the way may have answered in its place"
            )
        if abs(self.clock_ahead) >= _CLOCK_TOLERANCE:
            where = "ahead of" if self.clock_ahead > 0 else "behind"
            remarks.append(
                f"clock: its clock is {abs(self.clock_ahead)} s {where} ours; times in objects "
                "are the cluster's, times of observations are ours"
            )
        if self.dra_version != "v1":
            remarks.append(
                f"older: DRA is asked for in {self.dra_version}, as there is no v1; its objects "
                "are shown in the shapes of v1"
            )
        remarks += [f"left out: {told}" for told in self.left_out]
        remarks += [
            f"in doubt: {node.name}: {device.name} {device.doubt}, which only the scheduler can "
            "tell"
            for node in self.stock
            for device in node.devices
            if device.doubt
        ]
        remarks += [f"other runs: {told}" for told in self.other_runs[:_MOST_RUNS]]
        if more := len(self.other_runs[_MOST_RUNS:]):
            remarks.append(f"other runs: {more} more; `aicr-pytest clean` shows them")
        if self.dead_apis:
            remarks.append(
                f"dead APIs: {'; '.join(self.dead_apis)}. Nothing is accused of it but what needs "
                "them; until each is served again or deleted, deleted namespaces stay Terminating"
            )
        return remarks

    def pools(self) -> "tuple[AcceleratorPool, ...]":
        """For run.json: accelerators by node pool, model and mechanism."""
        from aicr_pytest.evidence.run import AcceleratorPool

        return tuple(
            AcceleratorPool(
                pool=kind[0],
                model=kind[1],
                mechanism=kind[2],
                count=sum(node.total for node in self.stock if node.kind == kind),
                looked_at=", ".join(
                    n.name for n in self.stock if n.kind == kind and n.name in self.looked_at
                ),
            )
            for kind in dict.fromkeys(node.kind for node in self.stock)
        )

    def nodes_seen(self) -> "tuple[NodeSeen, ...]":
        """For run.json: every node, and whether checks look at it."""
        from aicr_pytest.accelerators.inventory import one_offer_each
        from aicr_pytest.evidence.run import NodeSeen

        by_name = {node.name: node for node in one_offer_each(self.stock)}
        return tuple(
            NodeSeen(
                name=name,
                pool=by_name[name].pool_label if name in by_name else "",
                accelerators=by_name[name].total if name in by_name else 0,
                looked_at=name in self.looked_at,
                note=_note(by_name.get(name)),
                software=self.software.get(name, ""),
            )
            for name in sorted(self.nodes)
        )


_SOFTWARE = (
    "kubeletVersion", "containerRuntimeVersion", "osImage", "kernelVersion", "architecture",
)  # fmt: skip


def software_of(node: "Object") -> str:
    """What a node runs, as its kubelet tells; empty for one that has not reported yet."""
    info = node.get("status", {}).get("nodeInfo") or {}
    return ", ".join(str(info[name]) for name in _SOFTWARE if info.get(name))


def take(cluster: "Cluster", accelerators: "Accelerators") -> Survey:
    """Look; what stands in the way is kept as ``trouble``, for every check will say it again."""
    from aicr_pytest.accelerators.nodes import nothing_runs_on
    from aicr_pytest.cluster.glance import other_runs
    from aicr_pytest.cluster.kinds import NAMESPACE, NODE, RESOURCE_CLAIM
    from aicr_pytest.cluster.served import dead_groups

    nodes: tuple[str, ...] = ()
    stock: tuple[AcceleratorNode, ...] = ()
    others: tuple[str, ...] = ()
    software: dict[str, str] = {}
    simulated = False
    aside: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    cluster_id, dra_version = "", "v1"
    with contextlib.suppress(AicrError):
        dra_version = cluster.spoken(RESOURCE_CLAIM).version
    with contextlib.suppress(AicrError):  # who may not look there may still look elsewhere
        dead = tuple(dead_groups(cluster))
    with contextlib.suppress(AicrError):
        cluster_id = _hashed(cluster.get(NAMESPACE, "kube-system")["metadata"]["uid"])
    try:
        listed = cluster.list(NODE)
        nodes = tuple(node["metadata"]["name"] for node in listed)
        software = {node["metadata"]["name"]: software_of(node) for node in listed}
        simulated = any(SIMULATED in node["metadata"].get("labels", {}) for node in listed)
        aside = tuple(node["metadata"]["name"] for node in listed if nothing_runs_on(node))
        others = tuple(str(run) for run in other_runs(cluster))
        stock = tuple(accelerators.stock)
        looked_at = tuple(node.name for node in accelerators.sample_nodes())
    except AicrError as error:
        trouble, looked_at = str(error).partition("\n")[0], ()
    else:
        trouble = ""
    return Survey(
        nodes=nodes,
        stock=stock,
        software=software,
        undescribed=tuple(accelerators.undescribed),
        simulated=simulated,
        set_aside=aside,
        looked_at=looked_at,
        trouble=trouble,
        clock_ahead=cluster.clock_ahead,
        verified=cluster.verified,
        dra_version=dra_version,
        other_runs=others,
        dead_apis=dead,
        cluster_id=cluster_id,
    )


def _hashed(uid: str) -> str:
    """The same for the same cluster, and of no use to who wants to know which one it is."""
    return hashlib.sha256(f"aicr-pytest {uid}".encode()).hexdigest()[:16]


def _note(node: "AcceleratorNode | None") -> str:
    if node is None:
        return ""
    room = "" if node.has_room else "full: little CPU, memory or pod slots are left"
    return ", ".join(word for word in (node.hindrance, room, *node.left_out, *node.beside) if word)
