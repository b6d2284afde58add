"""The Deployment that is scaled: where its pods may run, and a handle on each of them."""

import contextlib
import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aicr_pytest.accelerators.load import Load
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.request import with_accelerator_request
from aicr_pytest.cluster import responsibility
from aicr_pytest.cluster.kinds import DEPLOYMENT, POD, RESOURCE_CLAIM, Object, requests_for
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import NoCapacity

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.requirements.platform import Platform


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class Scaled:
    """A Deployment of one or two pods with one accelerator each."""

    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._loads: dict[str, Load] = {}
        self._sent: dict[str, Any] | None = None

    @cached_property
    def nodes(self) -> "list[AcceleratorNode]":
        """Nodes with room for two pods in all; ours alone until the module ends."""
        sampled = self._platform.accelerators.sample_nodes()
        usable = [
            n for n in self._platform.accelerators.stock if n.ready and n.schedulable and n.capacity
        ]
        usable.sort(key=lambda node: (node not in sampled, node.unit != "device", -node.capacity))
        roomy = [[node] for node in usable if node.capacity >= 2]
        with contextlib.suppress(NoCapacity):
            if roomy:
                return self._platform.reservations.with_room(
                    roomy, share=lambda _: 2, needs=2, look=self._platform.accelerators.now
                )
        pairs = [list(pair) for pair in itertools.combinations(usable, 2) if _alike(*pair)]
        if not pairs:
            raise NoCapacity(
                "It takes two free accelerators that are asked for in the same way: "
                + "; ".join(map(str, self._platform.accelerators.stock)),
                hint="Free some, or run this check on a cluster with more.",
            )
        return self._platform.reservations.with_room(
            pairs, share=lambda _: 1, needs=1, look=self._platform.accelerators.now
        )

    def deploy(self, name: str) -> None:
        """Create it; nothing is waited for."""
        profile = self.nodes[0].profile
        (deployment,) = self._platform.workspaces.fill(
            "pod_autoscaling/scaled",
            profile,
            image="load",
            name=name,
            load_program=" ".join(profile.load_program),
        )
        template = deployment["spec"]["template"]
        pod = {"metadata": {"name": name, **template["metadata"]}, "spec": template["spec"]}
        tolerations = self._platform.accelerators.tolerations
        dressed = [
            with_accelerator_request(pod, node, tolerations=tolerations) for node in self.nodes
        ]
        *templates, made = dressed[0]
        made["metadata"].pop("name")
        for *_, other in dressed[1:]:
            _also_where(made["spec"], other["spec"])
        deployment["spec"]["template"] = self._sent = made
        applied = self._platform.workspaces.at().apply([*templates, deployment])
        self._platform.evidence.yaml(
            "The Deployment and what it needs",
            applied,
            source=requests_for("PATCH", applied, self._platform.cluster.spoken),
        )

    def start(self, name: str) -> None:
        """Create it and wait until its first pod is ready.

        Raises:
            Inconclusive: its image cannot be had, the cluster's policy refuses it, or others hold
                the accelerators.
            WaitFailed, WaitTimeout: it does not start.
        """
        self.deploy(name)
        self._starting(name).ready()

    def second(self, name: str, first: AcceleratorPod) -> AcceleratorPod:
        """Wait until there is another pod than the first, and until it is ready.

        Raises:
            Inconclusive: as ``start``.
            WaitFailed, WaitTimeout: it does not come, or does not start.
        """
        return self.pod(self._starting(name, beside=first.pod.name).ready().name)

    def _starting(self, name: str, *, beside: str = "") -> Pod:
        """The Deployment's pod of another name, once there is one."""
        namespace = self._platform.workspaces.at().namespace
        pods = self._platform.waiter.until(
            f"Deployment {namespace}/{name}: {'another' if beside else 'a'} pod",
            [
                Subject(kind=POD, namespace=namespace, labels=f"app={name}"),
                Subject(kind=DEPLOYMENT, namespace=namespace, name=name),
            ],
            judge=lambda views: (
                [
                    pod
                    for pod in views[0].values()
                    if pod["metadata"]["name"] != beside
                    and not pod["metadata"].get("deletionTimestamp")
                ]
                or None
            ),
            describe=lambda views: _refusal(views) or "none yet",
            timeout=self._platform.waiter.deadlines.schedule,
            expired=_refused,
        )
        why = self._platform.accelerators.why_pending(self.nodes[-1], 1)
        cluster, waiter = self._platform.cluster, self._platform.waiter
        return Pod(cluster, waiter, pods[0], sent=self._sent, why_pending=why)

    def pod(self, name: str) -> AcceleratorPod:
        """A handle on one of its pods, which has a node."""
        namespace = self._platform.workspaces.at().namespace
        obj = self._platform.cluster.find(POD, name, namespace)
        if obj is None:
            taken = responsibility.of_deletion("was deleted under us")
            raise taken.excuse(f"Pod {namespace}/{name}")
        node = next(one for one in self.nodes if one.name == obj["spec"].get("nodeName"))
        return AcceleratorPod(
            Pod(self._platform.cluster, self._platform.waiter, obj, sent=self._sent),
            node,
            claims=lambda claim: self._platform.cluster.get(RESOURCE_CLAIM, claim, namespace),
            evidence=lambda: self._platform.evidence,
            must_start=True,
        )

    def load(self, pod: AcceleratorPod) -> Load:
        """The switch of one of its pods."""
        return self._loads.setdefault(pod.pod.name, Load(pod, self._platform.waiter))


def _alike(one: "AcceleratorNode", other: "AcceleratorNode") -> bool:
    """Whether one and the same pod can ask for accelerators of either node."""
    return (one.mechanism, one.device_class) == (other.mechanism, other.device_class)


def _refusal(views: Views) -> str:
    """Why the Deployment's controller could make no pod; empty where it says nothing."""
    for deployment in views[1].values():
        for condition in deployment.get("status", {}).get("conditions", ()):
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                return str(condition.get("message", ""))
    return ""


def _refused(views: Views) -> None:
    """Say whose doing it is that the controller makes no pod, where that accuses nobody."""
    said = _refusal(views)
    if finding := responsibility.of_answer(said):
        raise finding.excuse("create the Deployment's pod")


def _also_where(spec: Object, other: Object) -> None:
    """Let a pod run also where another may."""
    ours, theirs = (one["affinity"]["nodeAffinity"][_REQUIRED] for one in (spec, other))
    ours["nodeSelectorTerms"] += theirs["nodeSelectorTerms"]
    spec["tolerations"] += [one for one in other["tolerations"] if one not in spec["tolerations"]]
