"""The experiment of ``cluster_autoscaling``: a pod that fits nowhere, a node for it, no node again.

What is judged is the node itself: that it did not exist before, is Ready, offers accelerators and
runs the pod; and that it goes once nobody uses it. What the autoscaler says is evidence.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.nodes import nothing_runs_on
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import EVENT, NODE, POD, Object
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import ImageNotPullable, Inconclusive, WaitTimeout
from aicr_pytest.evidence import spans
from aicr_pytest.evidence.clock import utc_now
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.evidence.timeline import Timeline
from aicr_pytest.requirements.cluster_autoscaling.capacity import Offers
from aicr_pytest.requirements.cluster_autoscaling.observed import Grown, NodeSeen, Shrunk
from aicr_pytest.requirements.cluster_autoscaling.pending_pod import PendingPod
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Autoscaler,
    ScalableNodePools,
)
from aicr_pytest.requirements.solutions import Solutions
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.steps import Steps

STABLE = 5.0
"""Seconds for which no further node may come once ours is gone."""

NODES, OFFERED = "nodes", "accelerators on offer"

_LANES = Picture(
    kind="lanes", parts={"name": "what", "start": spans.COLUMNS[0], "end": spans.COLUMNS[1]}
)


class ScalingTrial:
    """One autoscaler; the steps are run in the order in which they stand here."""

    def __init__(self, autoscaler: Autoscaler, platform: "Platform") -> None:
        self._autoscaler = autoscaler
        self._platform = platform
        self._reach = ScalableNodePools()
        self._pending = PendingPod(autoscaler, platform)
        self._pod: Pod | None = None
        self._node: Object | None = None
        self._grown = False
        self._before: dict[str, Object] = {}
        self._unschedulable = ""
        self._spans = spans.Spans(utc_now())
        self._timeline = Timeline(
            title="Nodes that the autoscaler serves",
            units={NODES: "nodes", OFFERED: "accelerators"},
        )

    def grows(self) -> Grown:
        """Where a pod runs in the end that fits on no node that is there.

        Raises:
            WaitTimeout: nowhere.
            Inconclusive: the new node was made for others.
        """
        cluster = self._platform.cluster
        self._offers.look()
        nodes = cluster.list(NODE)
        self._reach = self._autoscaler.reach(
            cluster,
            [node for node in nodes if self._offers.of(node)],
            scale_in_timeout=self._platform.settings.scale_in_timeout,
        )
        self._before = {node["metadata"]["uid"]: node for node in nodes}
        self._record_facts("before")
        self._pending.mark(
            [
                node
                for node in nodes
                if not node["spec"].get("unschedulable")
                and self._is_served(node)
                and self._offers.of(node)
            ]
        )
        self._pod = pod = self._pending.create(self._reach)
        is_up = pod.start_judge()
        self._spans = spans.Spans(utc_now())
        self._spans.begin(f"{pod.name} waits", utc_now())
        self._mark(f"{pod.name} asks for an accelerator")
        try:
            self._platform.waiter.until(
                f"{pod}: runs on a new node",
                self._subjects(pod),
                judge=lambda views: self._judge_start(views, is_up),
                describe=self._line,
                timeout=self._platform.waiter.deadlines.node_provisioned,
                expired=self._no_node,
            )
        finally:
            self._offers.look()
            self._record()
        self._pending.unmark()
        self._grown = True
        return self._where_it_runs()

    def shrinks(self) -> Shrunk:
        """What becomes of the node once nobody uses it.

        Raises:
            Inconclusive: there is no new node, or others or the platform's settings keep it.
        """
        if self._pod is None or self._node is None or not self._grown:
            raise Inconclusive("There was no new node that could go.")
        pod, node = self._pod, self._node
        name, uid = node["metadata"]["name"], node["metadata"]["uid"]
        pod.delete()
        pod.gone()
        self._spans.end(f"{pod.name} runs", utc_now())
        self._mark(f"{pod.name} is gone")
        waiter = self._platform.waiter
        try:
            waiter.until(
                f"Node {name}: gone, unused as it is",
                [Subject(kind=NODE)],
                judge=lambda views: self._has_gone(views, uid),
                describe=lambda views: f"{len(views[0])} nodes, {name} is there",
                timeout=self._platform.settings.scale_in_timeout / waiter.scale,
                expired=lambda views: self._still_there(views, uid),
            )
            self._mark(f"node {name} is gone")
            return Shrunk(gone=True, newcomers=tuple(self._newcomers()))
        except WaitTimeout as error:
            return Shrunk(gone=False, because=str(error))
        finally:
            self._record()

    def clear(self) -> None:
        """Take away what a step that failed has left; another solution may come next."""
        self._pending.unmark()
        if self._pod is not None:
            self._pod.delete()
            self._pod.gone()
            self._pod = None

    def _subjects(self, pod: "Pod") -> list[Subject]:
        return [
            Subject(kind=POD, namespace=pod.namespace, name=pod.name),
            Subject(kind=EVENT, namespace=pod.namespace, fields=f"involvedObject.uid={pod.uid}"),
            Subject(kind=NODE),
        ]

    def _judge_start(self, views: Views, is_up: Callable[[Views], Object | None]) -> bool | None:
        self._sample(views[2].values())
        assert self._pod is not None
        pod = self._pod.find(views)
        if taken := self._pod.taken(pod, list(views[1].values())):
            raise taken
        assert pod is not None
        said = pod_state.newest(views[1].values(), "FailedScheduling")
        reason = pod_state.unschedulable(pod) or (said or {}).get("message", "")
        if reason and not self._unschedulable:
            self._unschedulable = reason
            self._mark(reason)
        name = pod_state.node_of(pod)
        if not name:
            return None
        node = next((n for n in views[2].values() if n["metadata"]["name"] == name), None)
        if node is None:
            return None
        if self._node is None:
            pod_name = pod["metadata"]["name"]
            self._spans.end(f"{pod_name} waits", utc_now())
            self._spans.begin(f"{pod_name} runs", utc_now())
            self._mark(f"{pod_name} is bound to {name}")
        self._node = node
        # What existed before cannot become new by waiting.
        if node["metadata"]["uid"] in self._before:
            return True
        return True if is_up(views) and _ready(node) else None

    def _line(self, views: Views) -> str:
        pod = next(iter(views[0].values()), None)
        new = [
            f"{node['metadata']['name']} ({'Ready' if _ready(node) else 'not Ready'})"
            for node in views[2].values()
            if node["metadata"]["uid"] not in self._before
        ]
        state = pod_state.line(pod, list(views[1].values())) if pod else "no pod"
        return f"new nodes: {', '.join(new) or 'none'}; {state}"

    def _no_node(self, views: Views) -> None:
        if pod_state.is_pulling(views[1].values()):
            raise ImageNotPullable(f"{self._pod}: the new node still pulls its image.")
        if self._pod and (finding := self._pod.whose_pending(views)).who == "policy":
            raise finding.excuse(str(self._pod))
        if self._reach.left_out and self._node is None:
            raise Inconclusive(f"No node of these was asked for: {self._reach.left_out}.")
        said = _said(views[1].values())
        limits = f"\n  {self._reach.limits}" if self._reach.limits else ""
        raise WaitTimeout(
            f"{self._pod}: no new node runs it. {self._line(views)}.\n  Said of it: {said}{limits}"
        )

    def _where_it_runs(self) -> Grown:
        assert self._node is not None
        assert self._pod is not None
        pod, node = self._pod.object(), self._node
        name = node["metadata"]["name"]
        grown = Grown(
            pod=str(self._pod),
            unschedulable=self._unschedulable,
            before=frozenset(map(_seen, self._before.values())),
            node=_seen(node),
            ready=_ready(node),
            accelerators=self._offers.of(node),
            allocatable=str(node.get("status", {}).get("allocatable") or {}),
        )
        is_new = grown.node not in grown.before
        if is_new and node["metadata"]["creationTimestamp"] < pod["metadata"]["creationTimestamp"]:
            raise Inconclusive(f"{name} was made for others, just before {self._pod} was created.")
        evidence = self._platform.evidence
        evidence.yaml(f"Node {name}", node, source=NODE.request("GET", None, name))
        evidence.yaml(
            f"Pod {self._pod.name}",
            pod,
            source=POD.request("GET", self._pod.namespace, self._pod.name),
        )
        self._show_events(self._pod)
        evidence.fact("unschedulable first", self._unschedulable or "no")
        if nothing_runs_on(node):
            evidence.fact(
                "simulated", f"pods on {name} are simulated by KWOK: nothing runs in them"
            )
        return grown

    def _show_events(self, pod: "Pod") -> None:
        """Who said what of the pod: that it fits nowhere, who gives it a node, where it starts."""
        cluster, namespace = self._platform.cluster, pod.namespace
        fields = f"involvedObject.uid={pod.uid}"
        self._platform.evidence.table(
            f"Events of pod {pod.name}",
            ("time", "said by", "reason", "message"),
            [
                (
                    pod_state.said_at(event),
                    pod_state.said_by(event),
                    str(event.get("reason", "")),
                    str(event.get("message", "")),
                )
                for event in sorted(
                    cluster.list(EVENT, namespace, fields=fields), key=pod_state.said_at
                )
            ],
            source=f"{EVENT.request('GET', namespace)}?fieldSelector={fields}",
        )

    def _has_gone(self, views: Views, uid: str) -> bool | None:
        self._sample(views[0].values())
        there = any(node["metadata"]["uid"] == uid for node in views[0].values())
        return None if there else True

    def _still_there(self, views: Views, uid: str) -> None:
        cluster = self._platform.cluster
        node = next(node for node in views[0].values() if node["metadata"]["uid"] == uid)
        name = node["metadata"]["name"]
        if why := self._autoscaler.keeps(cluster, node):
            raise Inconclusive(f"The platform's settings keep {name}: {why}.")
        if users := self._users(name):
            raise Inconclusive(f"Others use {name} meanwhile, so that it stays: {users}.")
        events = cluster.list(EVENT, "default", fields=f"involvedObject.name={name}")
        timeout = self._platform.settings.scale_in_timeout
        raise WaitTimeout(
            f"Node {name}: still there {timeout:g} s after the last pod that wanted it was gone."
            f"\n  Said of it: {_said(events)}"
        )

    def _users(self, node: str) -> list[str]:
        """Pods on a node that would not be there for its own sake."""
        return [
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            for pod in self._platform.cluster.list(POD, fields=f"spec.nodeName={node}")
            if not _stays_with_its_node(pod) and pod_state.phase(pod) in ("Pending", "Running")
        ]

    def _newcomers(self) -> list[str]:
        """Nodes with accelerators that come although nobody wants them.

        Raises:
            Inconclusive: others use one of them.
        """
        waiter = self._platform.waiter
        cluster = self._platform.cluster
        known = {node["metadata"]["uid"] for node in cluster.list(NODE)}
        came: dict[str, Object] = {}
        for _, node in cluster.watch(NODE, timeout=STABLE * max(1.0, waiter.scale)):
            if node["metadata"]["uid"] not in known and self._is_served(node):
                came[node["metadata"]["uid"]] = node
        self._offers.look()
        names = [node["metadata"]["name"] for node in came.values() if self._offers.of(node)]
        for name in names:
            if users := self._users(name):
                raise Inconclusive(f"{name} came for others: {users}.")
        return names

    def _sample(self, nodes: Iterable[Object]) -> None:
        served = [node for node in nodes if self._is_served(node)]
        self._note_spans(served)
        values = {
            NODES: float(len(served)),
            OFFERED: float(sum(self._offers.of(node) for node in served)),
        }
        last = self._timeline.points[-1].values if self._timeline.points else None
        if values != last:
            self._timeline.sample(utc_now(), **values)

    def _note_spans(self, served: Iterable[Object]) -> None:
        """Nodes that came since the pod asked, and those of them that are gone."""
        there = {
            f"node {node['metadata']['name']}"
            for node in served
            if node["metadata"]["uid"] not in self._before
        }
        for name in sorted(there):
            self._spans.begin(name, utc_now())
        for name in self._spans.there:
            if name.startswith("node ") and name not in there:
                self._spans.end(name, utc_now())

    @cached_property
    def _offers(self) -> Offers:
        return Offers(self._platform.cluster, self._platform.accelerators.wanted_profile())

    def _is_served(self, node: Object) -> bool:
        labels = node["metadata"].get("labels") or {}
        return all(
            labels.get(requirement["key"]) in requirement["values"]
            for requirement in self._reach.requirements
        )

    def _mark(self, text: str) -> None:
        self._timeline.mark(utc_now(), text)

    def _record(self) -> None:
        source = "watch of nodes, pods and events"
        self._platform.evidence.timeline(self._timeline, source=source)
        self._platform.evidence.table(
            "Pod and new nodes, from when to when",
            ("what", *spans.COLUMNS),
            [(name, *self._spans.cells(name)) for name in self._spans.names],
            source=source,
            picture=_LANES,
        )
        self._record_facts("after")

    def _record_facts(self, when: str) -> None:
        cluster = self._platform.cluster
        for fact in self._autoscaler.facts(cluster):
            self._platform.evidence.yaml(f"{fact.title}, {when}", fact.content, source=fact.source)


def scaling_trials(
    solutions: Solutions[Autoscaler], platform: "Platform", steps: "Steps[ScalingTrial]"
) -> Trials[ScalingTrial]:
    """The experiment with every installed autoscaler, until one passes it."""
    return Trials(
        solutions,
        lambda candidate: ScalingTrial(candidate.solution, platform),
        tuple(steps),
        leave=ScalingTrial.clear,
    )


def _seen(node: Object) -> NodeSeen:
    return NodeSeen(name=node["metadata"]["name"], uid=node["metadata"]["uid"])


def _said(events: Iterable[Object]) -> str:
    """The last words of some events, for messages."""
    last = sorted(events, key=pod_state.said_at)[-4:]
    return "; ".join(f"{e.get('reason')}: {e.get('message')}" for e in last) or "nothing"


def _ready(node: Object) -> bool:
    return bool(pod_state.condition(node, "Ready").get("status") == "True")


def _stays_with_its_node(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner["kind"] in ("DaemonSet", "Node") for owner in owners)
