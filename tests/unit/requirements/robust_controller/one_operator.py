"""One operator on a cluster: its API server, what it made of a resource, and what is kept."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, TypeVar

from aicr_pytest.cluster.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    SERVICE,
    VALIDATING_WEBHOOKS,
    Kind,
    Object,
)
from aicr_pytest.cluster.labels import labelled, run_labels
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.errors import ApiError, WaitTimeout
from aicr_pytest.requirements.robust_controller.solutions.kuberay import KUBERAY
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator
from aicr_pytest.requirements.robust_controller.trial import Trial
from aicr_pytest.settings import Settings
from aicr_pytest.workloads.manifests import render_actor
from tests.unit.requirements.kept import Kept

T = TypeVar("T")


class Waits:
    """Waits that look three times."""

    deadlines = Deadlines()

    def poll(
        self,
        what: str,
        look: Callable[[], T],
        *,
        until: Callable[[T], bool],
        describe: Callable[[T], str],
        timeout: float,
    ) -> T:
        assert timeout == self.deadlines.looked_again
        for _look in range(3):
            if until(seen := look()):
                return seen
        raise WaitTimeout(f"{what}: {describe(seen)}")

    def for_object(self, what: str, kind: Kind, name: str, *_: Any, until: Any, **__: Any) -> Any:
        if not until({"status": {"availableReplicas": 0 if name.startswith("down") else 1}}):
            raise WaitTimeout(what)


class Api:
    """An API server with the operator, its webhook, and a say on what is offered."""

    run_id = "20261124-042422-30ad"

    def __init__(self, **there: Any) -> None:
        self.established = there.get("established", "True")
        self.selector = there.get("selector", {"app": "ray"})
        self.name = there.get("name", "kuberay-operator")
        self.refuses: dict[str, str | Exception] = there.get("refuses", {})
        self.replicas: dict[str, int | None] = there.get("replicas", {})
        """Of the controller's Deployments, by name; one without a number where it is empty."""
        self.args: list[str] = there.get("args", [])
        self.hooks: list[Object] = there.get("hooks", [])
        """Webhooks beside the operator's own."""
        self.offered: list[str] = []
        self.asked: list[str] = []
        """Names of the resources that were offered."""
        self.logged: list[tuple[str, str, int]] = []

    def ours(self, obj: Object) -> Object:
        return labelled(obj, run_labels(self.run_id))

    def logs(self, name: str, namespace: str, *, tail: int) -> str:
        self.logged.append((name, namespace, tail))
        return f"{name} writes"

    def get(self, kind: Kind, name: str) -> Any:
        assert (kind, name) == (CUSTOM_RESOURCE_DEFINITION, "rayclusters.ray.io")
        versions = [{"name": "v1", "served": True}, {"name": "v1alpha1", "served": False}]
        conditions = [{"type": "Established", "status": self.established}]
        return {"spec": {"versions": versions}, "status": {"conditions": conditions}}

    def serves(self, group: str, version: str) -> list[str]:
        return {("ray.io", "v1"): ["RayService", "RayCluster", "RayJob"]}[group, version]

    def list(self, kind: Kind) -> Any:
        if kind == DEPLOYMENT:
            pods = {"containers": [{"name": "manager", "image": "x", "args": self.args}]}
            spec = {"template": {"metadata": {"labels": {"app": "ray"}}, "spec": pods}}
            counts = self.replicas or {self.name: None}
            return [
                {
                    "metadata": {"name": name, "namespace": "ray"},
                    "spec": spec if count is None else {**spec, "replicas": count},
                }
                for name, count in counts.items()
            ]
        rule = {
            "apiGroups": ["ray.io"],
            "apiVersions": ["v1"],
            "resources": ["rayclusters"],
            "operations": ["CREATE"],
        }
        hook = {
            "name": "v.ray.io",
            "rules": [rule],
            "clientConfig": {"service": {"namespace": "ray", "name": "hooks"}},
        }
        others = [{"rules": [rule], **one} for one in self.hooks]
        found = [{"metadata": {"name": "hooks"}, "webhooks": [*others, hook]}]
        return found if kind == VALIDATING_WEBHOOKS else []

    def find(self, kind: Kind, name: str, namespace: str) -> Object | None:
        if (kind, name, namespace) != (SERVICE, "hooks", "ray"):
            return None
        return {"spec": {"selector": self.selector}}

    def create(self, obj: Any, *, dry_run: bool) -> None:
        assert dry_run
        groups = [group["groupName"] for group in obj["spec"]["workerGroupSpecs"]]
        what = "flawed" if len(set(groups)) < len(groups) else "mended"
        self.offered.append(what)
        self.asked.append(obj["metadata"]["name"])
        self.refuse(what)

    def refuse(self, what: str) -> None:
        if not (refusal := self.refuses.get(what)):
            return
        if isinstance(refusal, Exception):
            raise refusal
        raise ApiError(403, "Forbidden", refusal, request="POST rayclusters")


class Resource:
    """A custom resource, as an operator left it."""

    namespace, request = "ns", "GET /it"

    def __init__(self, pods: int = 2, ready: int = 2, services: int = 1) -> None:
        self.gone = False
        self.done = 0
        self.pods = [self._pod(number, number < ready) for number in range(pods)]
        self.services = [{"metadata": {"name": "s"}}] * services
        self.late = 0
        """Looks at it until the last pod is ready."""
        self.never: Exception | None = None

    def __str__(self) -> str:
        return "RayCluster ns/sound"

    @staticmethod
    def _pod(number: int, ready: bool) -> Object:
        labels = run_labels(Api.run_id if number else "20260101-010101-0000")
        name = f"pod-{number}"
        digests = [{"name": "ray", "imageID": f"sha256:{number}"}]
        conditions = [{"type": "Ready", "status": str(ready)}]
        return {
            "metadata": {"name": name, "uid": f"uid-{number}", "namespace": "ns", "labels": labels},
            "spec": {"containers": [{"name": "ray", "image": f"ray:{number}"}]},
            "status": {"phase": "Running", "conditions": conditions, "containerStatuses": digests},
        }

    def reconciled(self) -> None:
        self.done += 1
        if self.never:
            raise self.never

    def object(self) -> Any:
        return {"status": {"state": "ready"}}

    def children(self) -> Any:
        pods, services = KUBERAY.children
        if self.late:
            self.late -= 1
            self.pods[-1] = self._pod(len(self.pods) - 1, not self.late)
        return [(pods, self.pods), (services, self.services)]

    def replaceable(self) -> Any:
        return self.pods

    def replaces(self, lost: Any, before: Any) -> Any:
        assert lost in before
        return self._pod(len(before), ready=True)

    def delete(self) -> None:
        self.gone = True


class Site:
    """What a trial is handed beside the API server: a namespace, and evidence."""

    namespace = "ns"

    def __init__(self, api: Api | None = None, *, allow: str = "", kept: bool = False) -> None:
        self.cluster: Any = api or Api()
        self.waiter: Any = Waits()
        self.evidence = Kept()
        self.settings = Settings(allow=frozenset({allow} if allow else ()))
        self.kept = kept
        self.applied: list[Object] = []
        self.workspaces: Any = self

    def at(self) -> "Site":
        return self

    def fill(self, actor: str, *, image: str, name: str, **values: str) -> list[Object]:
        return render_actor(actor, actor=name, image=image, **values)

    def apply(self, objects: Iterable[Object], *, as_answered: bool = False) -> list[Object]:
        answered = []
        for obj in objects:
            self.cluster.refuse("applied")
            self.applied.append(obj)
            uid = f"uid of {obj['metadata']['name']}"
            answered.append({**obj, "metadata": {**obj["metadata"], "uid": uid}})
        return answered


def trial(
    api: Api | None = None,
    resource: Resource | None = None,
    allow: str = "",
    *,
    site: Site | None = None,
    operator: Operator = KUBERAY,
) -> Trial:
    """An operator on trial; its custom resources are there already where one is given."""
    platform: Any = site or Site(api, allow=allow)
    candidate: Any = SimpleNamespace(solution=operator)
    made = Trial(candidate, platform)
    if resource:
        made._resources = {"sound": resource, "interrupted": resource}  # type: ignore[dict-item]
    return made
