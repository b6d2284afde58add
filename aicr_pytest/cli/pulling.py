"""Whether the cluster gets the suite's images: a pod of each is started, and taken down again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.request import with_accelerator_request
from aicr_pytest.choices import IMAGE_NAMES
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import AicrError
from aicr_pytest.requirements.registry import discover
from aicr_pytest.workloads.images import USED_BY
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.run.session import Run

_ACTOR = "secure_accelerator_access/bystander"
"""A pod that asks for nothing and waits; any of the images can run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What came of one image."""

    name: str
    """The suite's name of the image."""
    reference: str
    """Where it was pulled from."""
    digest: str = ""
    """What the node has, as its kubelet says; empty where it has none."""
    node: str = ""
    """Where it was pulled; empty where the pod came to no node."""
    trouble: str = ""
    """Why it could not be had, with the way out; empty where it was."""

    def __str__(self) -> str:
        where = f" on {self.node}" if self.node else ""
        state = f"NOT PULLED{where}: {self.trouble}" if self.trouble else f"pulled{where}"
        return f"image {self.name}: {self.reference}: {state}" + (
            f", {self.digest}" if self.digest else ""
        )


def needed(run: "Run", requirements: Collection[str]) -> tuple[str, ...]:
    """The images that checks of these requirements run, for the operators that are installed."""
    found = {name for name, users in USED_BY.items() if not {*users}.isdisjoint(requirements)}
    if "robust_controller" in requirements:
        pinned = run.settings.solutions
        operators = discover("operator", run.cluster, pinned, settings=run.settings)
        found |= {candidate.solution.image for candidate in operators}
    return tuple(name for name in IMAGE_NAMES if name in found)


def pull(run: "Run", names: Sequence[str]) -> tuple[Pulled, ...]:
    """Start a pod of each image, all at once, and take them down.

    On the first accelerator node that is looked at, where there is one: a run needs most there.

    Args:
        names: the suite's names of the images.

    Raises:
        AicrError: no namespace can be made, or something stays; says what to do.
    """
    workspace = Workspace(
        run.cluster,
        run.waiter,
        run_id=run.run_id,
        module="pull",
        psa="restricted",
        keep=lambda: False,
        priority_class=run.settings.priority_class,
    )
    try:
        workspace.open()
        secret = run.pull_secret()
        if secret:
            workspace.apply([secret])
        node = _node(run)
        started = {name: _start(run, workspace, name, node) for name in names}
        return tuple(_awaited(name, _image(run, name, node), pod) for name, pod in started.items())
    finally:
        workspace.close()


def _node(run: "Run") -> "AcceleratorNode | None":
    try:
        return run.accelerators.sample_nodes(once=True)[0]
    except AicrError:  # what stands in the way is told by the forecast
        return None


def _start(
    run: "Run", workspace: Workspace, name: str, node: "AcceleratorNode | None"
) -> "Pod | AicrError":
    (pod,) = render_actor(_ACTOR, actor=f"pull-{name}", image=_image(run, name, node))
    if run.settings.pull_secret:
        secret = run.settings.pull_secret.rpartition("/")[2]
        pod["spec"]["imagePullSecrets"] = [{"name": secret}]
    if node is not None:
        (pod,) = with_accelerator_request(pod, node, tolerations=run.accelerators.tolerations)
    try:
        return workspace.pod(pod)
    except AicrError as error:
        return error


def _image(run: "Run", name: str, node: "AcceleratorNode | None") -> str:
    return run.image(name, node.profile) if node else run.image(name)


def _awaited(name: str, reference: str, pod: "Pod | AicrError") -> Pulled:
    if isinstance(pod, AicrError):
        return Pulled(name=name, reference=reference, trouble=_said(pod))
    trouble = ""
    try:
        pod.ready()
    except AicrError as error:
        trouble = _said(error)
    seen = pod.object()
    digest = pod_state.images_of(seen).get(reference, "")
    return Pulled(
        name=name,
        reference=reference,
        digest=digest,
        node=pod_state.node_of(seen),
        trouble="" if digest else trouble or "its node tells no digest",
    )


def _said(error: AicrError) -> str:
    return str(error).partition("\n")[0]
