"""Deploys the suite's actors: one namespace per Pod Security level, one pod per looked-at node."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators import each_device
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.request import PLACEHOLDER, with_accelerator_request
from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.cluster.ephemeral_containers import add_container
from aicr_pytest.cluster.kinds import RESOURCE_CLAIM, SECRET, Object
from aicr_pytest.cluster.ledger import inside
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.restraint import pod_specs
from aicr_pytest.cluster.workspace import PodSecurity, Workspace
from aicr_pytest.errors import AicrError, LeftBehind, NoCapacity, PolicyRefused, error_message
from aicr_pytest.threads import join_all
from aicr_pytest.workloads.explanation import explain
from aicr_pytest.workloads.images import Images
from aicr_pytest.workloads.manifests import render_actor
from aicr_pytest.workloads.pod_security import LEVEL, without_root
from aicr_pytest.workloads.pods_per_node import NotCreated, PodsPerNode

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence


class Workspaces:
    """The namespaces of one test module (fixture ``aicr_workspace``); made when first needed."""

    def __init__(
        self,
        make: Callable[[PodSecurity], Workspace],
        accelerators: Accelerators,
        *,
        image: Images,
        pull_secret: Object | None,
        run_id: str,
        evidence: Callable[[], "CheckEvidence"],
        take_down: Callable[[Workspace, Callable[[], None]], None] = Workspace.close,
        emptied: Callable[[], None] = lambda: None,
        way_out: str = "aicr-pytest clean",
    ) -> None:
        self._make = make
        self._accelerators = accelerators
        self._image = image
        self._pull_secret = pull_secret
        self._run_id = run_id
        self._evidence = evidence
        self._take_down = take_down
        self._emptied = emptied
        self._way_out = way_out
        self._made: dict[str, Workspace] = {}

    @property
    def run_id(self) -> str:
        """Label of everything that the run creates."""
        return self._run_id

    @property
    def evidence(self) -> "CheckEvidence":
        """Of the check that runs."""
        return self._evidence()

    def at(self, level: PodSecurity = "restricted") -> Workspace:
        """The namespace of a Pod Security level."""
        if level not in self._made:
            self._made[level] = workspace = self._make(level)
            workspace.open()
            if self._pull_secret:
                workspace.apply([self._pull_secret])
        return self._made[level]

    def namespaces(self) -> list[Workspace]:
        """Those made so far."""
        return list(self._made.values())

    def explain(self, evidence: "CheckEvidence") -> None:
        """Keep what explains a check that did not pass.

        Raises:
            AicrError: the API server does not tell.
        """
        for workspace in self.namespaces():
            if not workspace.closed:
                explain(workspace, evidence)

    def deploy(
        self,
        actor: str,
        nodes: Sequence[AcceleratorNode],
        chosen: Callable[[AcceleratorNode], Device] | None = None,
        called: str = "",
        /,
        *,
        must_start: bool,
        **values: Callable[[AcceleratorNode], str],
    ) -> PodsPerNode:
        """Create an actor's pod, with what belongs to it, on each node; nothing is waited for.

        Args:
            actor: the manifest, ``<requirement id>/<name>``.
            chosen: the one device of a node that its pod asks for; None: any will do.
            called: what its pods are called; empty: as the actor is.
            must_start: whether a pod that does not start accuses the platform.
            values: placeholders of this manifest, computed per node.
        """
        pods: list[AcceleratorPod] = []
        not_created: list[NotCreated] = []
        for index, node in enumerate(nodes):
            name = (called or actor.rpartition("/")[2]) + (f"-{index}" if index else "")
            try:
                filled = {key: value(node) for key, value in values.items()}
                only = chosen(node) if chosen else None
                pod = self.place_on(
                    node, actor, name=name, must_start=must_start, only=only, values=filled
                )
            except AicrError as error:
                not_created.append(NotCreated(on=node, why=error))
            else:
                pods.append(pod)
        return PodsPerNode(actor, pods, not_created)

    def deploy_each(
        self,
        actor: str,
        nodes: Sequence[AcceleratorNode],
        called: str = "",
        /,
        *,
        must_start: bool,
        beside: Callable[[AcceleratorNode], int] = lambda _: 0,
    ) -> PodsPerNode:
        """Create an actor's container once per free device of each node; nothing is waited for.

        Args:
            actor: the manifest; its pod has one container, which asks for one accelerator.
            called: what its pods are called; empty: as the actor is.
            must_start: whether a pod that does not start accuses the platform.
            beside: how many of a node's free devices other actors hold; a node that has no more
                is left out.
        """
        pods: list[AcceleratorPod] = []
        not_created: list[NotCreated] = []
        for node in nodes:
            count = each_device.free_devices(node) - beside(node)
            if count <= 0 and beside(node):
                continue
            try:
                if count <= 0:
                    raise NoCapacity(f"All {node.total} accelerators of {node.name} are held.")
                for copies in each_device.per_pod(count):
                    name = called or actor.rpartition("/")[2]
                    name += f"-{len(pods)}" if pods else ""
                    pods.append(
                        self.place_on(
                            node,
                            actor,
                            name=name,
                            must_start=must_start,
                            needs=count,
                            copies=copies,
                        )
                    )
            except AicrError as error:
                not_created.append(NotCreated(on=node, why=error))
        return PodsPerNode(actor, pods, not_created)

    def place_on(
        self,
        node: AcceleratorNode,
        actor: str,
        *,
        name: str,
        must_start: bool = True,
        as_member: Callable[[Object], Object] = lambda pod: pod,
        needs: int | None = None,
        only: Device | None = None,
        copies: int = 0,
        values: Mapping[str, str] | None = None,
    ) -> AcceleratorPod:
        """Create one pod of an actor, with what belongs to it, on a node; nothing is waited for.

        Args:
            node: where it has to run.
            name: of the pod.
            must_start: whether a pod that does not start accuses the platform.
            as_member: changes the pod once it asks for accelerators, e.g. into one of a gang.
            needs: free accelerators without which it cannot start; None: as many as it asks for.
            only: the one device that it asks for; None: any will do.
            copies: how often it has its one container, each with a request of its own; 0: as it is.
            values: placeholders of this manifest.
        """
        *others, pod = render_actor(
            actor,
            actor=name,
            image=self._image("probe", node.profile),
            load_image=self._image("load", node.profile),
            load_program=" ".join(node.profile.load_program),
            device_class=node.device_class,
            whole_device=node.selector,
            **(values or {}),
        )
        if self._pull_secret:
            pod["spec"]["imagePullSecrets"] = [{"name": self._pull_secret["metadata"]["name"]}]
        if copies:
            pod = each_device.with_container_per_device(pod, copies)
        count = wanted(pod, others)
        *templates, pod = with_accelerator_request(
            pod, node, tolerations=self._accelerators.tolerations
        )
        judge = self._accelerators.why_pending(node, count if needs is None else needs, only=only)

        def create(pod: Object, level: PodSecurity) -> Pod:
            workspace = self.at(level)
            if others or templates:
                workspace.apply([*others, *templates])
            return workspace.pod(as_member(pod), why_pending=judge)

        told = ""
        try:
            handle = create(pod, pod["metadata"].get("annotations", {}).get(LEVEL, "restricted"))
        except PolicyRefused as refusal:
            if (other := without_root(pod)) is None:
                raise
            handle, told = create(other, "restricted"), str(refusal)
        return AcceleratorPod(
            handle,
            node,
            claims=lambda claim: handle.cluster.get(RESOURCE_CLAIM, claim, handle.namespace),
            evidence=self._evidence,
            must_start=must_start,
            not_as_root=told,
        )

    def attach(self, actor: str, pods: PodsPerNode) -> None:
        """Add an actor's container to running pods, as ``kubectl debug`` does, until it runs.

        Raises:
            Inconclusive: on no node it can be added, or does not start.
        """

        def add(*those: AcceleratorPod) -> list[str]:
            for pod in those:
                assert pod.running
                image = self._image("probe", pod.on.profile)
                (rendered,) = render_actor(actor, actor=actor.rpartition("/")[2], image=image)
                if pod.pod.sent["spec"].get("securityContext", {}).get("runAsNonRoot"):
                    rendered = without_root(rendered) or rendered  # as the pod itself had to
                (filled,) = with_accelerator_request(rendered, pod.on)
                add_container(pod.pod, filled["spec"]["containers"][0])
            return []

        pods.on_each_node(add)

    def place(self, actor: str, *, image: str, name: str = "", **values: str) -> Pod:
        """Create an actor that holds no accelerator, with what belongs to it, on whatever node.

        Args:
            actor: the manifest, ``<requirement id>/<name>``; its last object is the pod.
            image: the suite's name of the image.
            name: of the pod; empty: the manifest's own.
        """
        *others, pod = render_actor(
            actor, actor=name or actor.rpartition("/")[2], image=self._image(image), **values
        )
        workspace = self.at(pod["metadata"].get("annotations", {}).get(LEVEL, "restricted"))
        if self._pull_secret:
            pod["spec"]["imagePullSecrets"] = [{"name": self._pull_secret["metadata"]["name"]}]
        pod["spec"].setdefault("tolerations", []).extend(self._accelerators.tolerations)
        workspace.apply(others)
        return workspace.pod(pod)

    def fill(
        self, actor: str, profile: Profile = PROFILES[0], /, *, image: str, name: str, **values: str
    ) -> list[Object]:
        """The objects of an actor that makes pods through somebody else; nothing is created.

        Args:
            actor: the manifest, ``<requirement id>/<name>``.
            profile: of the accelerators that its pods ask for, where they do.
            image: the suite's name of the image.
            name: of the actor.
        """
        objects = render_actor(actor, actor=name, image=self._image(image, profile), **values)
        # Once each: what a manifest says by an alias is one object in several places.
        for spec in {id(spec): spec for obj in objects for spec in pod_specs(obj)}.values():
            spec.setdefault("tolerations", []).extend(self._accelerators.tolerations)
            if self._pull_secret:
                spec["imagePullSecrets"] = [{"name": self._pull_secret["metadata"]["name"]}]
        return objects

    def close(self) -> None:
        """Take everything down, DRA-safe; every namespace is tried.

        Raises:
            LeftBehind: a namespace stays; a group of them where several do, and of what could not
                be observed before.
        """
        troubles: list[Exception] = []
        standing, lock = set(self._made.values()), threading.Lock()

        def empty(workspace: Workspace) -> None:
            with lock:
                standing.discard(workspace)
                if not standing:
                    self._emptied()

        # At the same time: a cluster waits 5 s before it works on a namespace's deletion. Daemons,
        # since whoever leaves with a third signal shall not wait for them.
        threads = [
            threading.Thread(target=self._close, args=(workspace, empty, troubles), daemon=True)
            for workspace in self._made.values()
        ]
        for thread in threads:
            thread.start()
        join_all(threads)
        if len(troubles) == 1:
            raise troubles[0]
        if troubles:
            raise ExceptionGroup("The workspace could not be taken down", troubles)

    def _close(
        self,
        workspace: Workspace,
        empty: Callable[[Workspace], None],
        troubles: list[Exception],
    ) -> None:
        try:
            self._take_down(workspace, lambda: empty(workspace))
        except Exception as error:  # noqa: BLE001  raised by close(), with the others
            if workspace.kept or workspace.closed:
                troubles.append(error)
            else:
                troubles.append(self._left_behind(workspace, error))

    def _left_behind(self, workspace: Workspace, error: Exception) -> Exception:
        """Whatever went wrong, in words that name what stays and the way to be rid of it."""
        within = inside(workspace.cluster.ledger.standing().within(workspace.namespace))
        named = f"Namespace {workspace.namespace}{f' with {within}' if within else ''}"
        # Without its cause, whose words it has: pytest would show both in full.
        return LeftBehind(
            f"{named} stays: {error_message(error)}\n  Remove it with: {self._way_out}"
        )


def wanted(pod: Object, others: Sequence[Object]) -> int:
    """How many accelerators a pod needs at once, from its placeholders and its claims."""
    placeholders = sum(
        int(container.get("resources", {}).get("limits", {}).get(PLACEHOLDER, 0))
        for container in pod["spec"]["containers"]
    )
    claimed = sum(
        int(request.get("exactly", {}).get("count", 1))
        for obj in others
        if obj["kind"] == "ResourceClaim"
        for request in obj["spec"]["devices"]["requests"]
    )
    return placeholders + claimed


def pull_secret(secret: Object, name: str = "aicr-pull-secret") -> Object:
    """A copy of the user's Secret for image pulls, to be made in a workspace."""
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {"name": name},
        "type": secret["type"],
        "data": secret["data"],
    }
