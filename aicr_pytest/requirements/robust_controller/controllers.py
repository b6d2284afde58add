"""The pods of an operator's controller."""

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster import label_selectors, pod_state
from aicr_pytest.cluster.kinds import DEPLOYMENT, POD, Object, full_name
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import WaitTimeout

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter

_WATCH_FLAGS = ("watch-namespace", "watch-namespaces")


def named(controller: Object) -> str:
    """A controller's Deployment as messages write it."""
    metadata = controller["metadata"]
    return full_name(DEPLOYMENT, metadata["name"], metadata["namespace"])


def unavailable(waiter: "Waiter", controllers: Iterable[Object]) -> list[str]:
    """Which of them have no pod that is available, nor get one, as messages write them."""
    wrong = []
    for controller in controllers:
        try:
            waiter.for_object(
                f"{named(controller)}: available",
                DEPLOYMENT,
                controller["metadata"]["name"],
                controller["metadata"]["namespace"],
                until=_is_available,
                describe=lambda found: str((found.get("status") or {}).get("conditions") or "new"),
                timeout=waiter.deadlines.operator_back,
            )
        except WaitTimeout:
            wrong.append(named(controller))
    return wrong


def _is_available(controller: Object) -> bool:
    return bool((controller.get("status") or {}).get("availableReplicas"))


def watched_namespaces(controllers: Iterable[Object]) -> list[str]:
    """The only namespaces that the controllers watch, by their flags; empty: no such flag."""
    words = [
        word
        for controller in controllers
        for container in controller["spec"]["template"]["spec"]["containers"]
        for word in (*(container.get("command") or ()), *(container.get("args") or ()))
    ]
    found = []
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        flag, equals, value = word.partition("=")
        told = value if equals or following.startswith("-") else following
        if flag.lstrip("-") in _WATCH_FLAGS and told:
            found.append(told)
    return found


def delete_pods(cluster: "Cluster", controllers: Iterable[Object]) -> dict[str, str]:
    """Delete the pods of the controllers, gracefully; uid and name of each."""
    deleted = {}
    for controller in controllers:
        namespace = controller["metadata"]["namespace"]
        for pod in cluster.list(
            POD, namespace, labels=label_selectors.query(controller["spec"]["selector"])
        ):
            metadata = pod["metadata"]
            cluster.delete(POD, metadata["name"], namespace, uid=metadata["uid"])
            deleted[metadata["uid"]] = metadata["name"]
    return deleted


def run_again(waiter: "Waiter", controllers: Sequence[Object], deleted: Iterable[str]) -> None:
    """Wait until other pods run the controllers; till then the old ones might do the work.

    Raises:
        WaitTimeout: not in time.
    """
    __tracebackhide__ = True
    old = set(deleted)

    def judge(views: Views) -> bool | None:
        pods = list(views[0].values())
        gone = not any(pod["metadata"]["uid"] in old for pod in pods)
        return True if gone and any(map(pod_state.is_ready, pods)) else None

    for controller in controllers:
        namespace = controller["metadata"]["namespace"]
        waiter.until(
            f"{named(controller)}: runs again",
            [
                Subject(
                    kind=POD,
                    namespace=namespace,
                    labels=label_selectors.query(controller["spec"]["selector"]),
                )
            ],
            judge=judge,
            describe=lambda views: "; ".join(pod_state.line(pod, []) for pod in views[0].values()),
            timeout=waiter.deadlines.operator_back,
        )
