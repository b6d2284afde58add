"""What lies in a namespace of ours, and whose each thing is: a run's, or somebody else's."""

import concurrent.futures
import enum
import fnmatch
import threading
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.kinds import KNOWN, Kind, Object
from aicr_pytest.errors import AccessDenied, AicrError, ApiError, ApiUnreachable

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_FURNITURE = {
    "ConfigMap": ("kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"),
    "ServiceAccount": ("default", "builder", "deployer", "pipeline"),
    "Secret": tuple(
        f"{account}-{what}-*"
        for account in ("default", "builder", "deployer", "pipeline")
        for what in ("token", "dockercfg")
    ),
    "RoleBinding": ("system:*", "openshift-pipelines-edit", "pipelines-scc-rolebinding"),
}
"""What Kubernetes and well-known platforms put into every namespace: kind, and names or patterns of
them."""

_FURNISHING = frozenset(
    {
        *_FURNITURE,
        "Role",
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "PeerAuthentication",
        "ResourceQuota",
        "LimitRange",
    }
)
"""Kinds in which operators furnish namespaces: one that others have too, of the same name and by
the same program, is nobody's work."""

_CONTROL_PLANE = frozenset({"kube-controller-manager", "kube-scheduler", "k3s", "k0s", "microk8s"})
"""Field managers that make objects out of templates, with the labels of those."""

_HANDS = (
    *("kubectl*", "oc", "helm", "argocd*", "kustomize-controller", "helm-controller"),
    *("Terraform", "HashiCorp", "pulumi*", "k9s", "dashboard", "Mozilla", "curl"),
)
"""Field managers by which people put things somewhere, as patterns; the same in several places,
perhaps."""

_LIBRARIES = ("OpenAPI-Generator", "python-*", "node-fetch", "Go-http-client")
"""Field managers of programs without a name of their own: somebody's script, or an operator."""


class Standing(enum.Enum):
    """Whose an object is."""

    OURS = "ours"
    """A run's, made for a run's, or what every namespace has."""
    THEIRS = "theirs"
    """Somebody else's, and something says so."""
    UNKNOWN = "unknown"
    """Nothing says it: ``managedFields`` are missing, or an owner may not be read."""


class Contents:
    """What lies in one namespace of a run.

    Args:
        uid: of the namespace.
        kinds: what is looked at.
        made: uids of what the run itself knows to have made.
        certain: whether only what is proven to be a run's counts as such.
    """

    def __init__(
        self,
        cluster: "Cluster",
        namespace: str,
        *,
        uid: str,
        run: str,
        kinds: Iterable[Kind],
        made: Collection[str] = (),
        certain: bool = False,
    ) -> None:
        self.namespace = namespace
        """Its name."""
        self.certain = certain
        """Whether only what is proven to be a run's counts as such."""
        self._cluster = cluster
        self._run = run
        self._kinds = list(dict.fromkeys(kinds))
        self._standings = dict.fromkeys({uid, *made}, Standing.OURS)
        self._seen: dict[str, tuple[Kind, Object]] = {}
        self._twins: dict[tuple[Kind, str], list[Object]] = {}
        self._by_kind: dict[Kind, list[Object]] = {}
        self._lock = threading.RLock()
        self.unseen: set[str] = set()
        """Kinds of which we may not see what is there."""
        self.look()

    def look(self) -> None:
        """See what is there now; what was there before is remembered as owner of what may come."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            found = pool.map(self._listed, self._kinds)
            self._by_kind = dict(zip(self._kinds, found, strict=True))
        for kind, objects in self._by_kind.items():
            self._seen |= {_uid(obj): (kind, obj) for obj in objects}

    def ours(self, kind: Kind) -> list[Object]:
        """What there was of a kind, by the last look, that is a run's."""
        return [obj for obj in self._by_kind.get(kind, ()) if self.is_ours(kind, obj)]

    def others(self) -> list[str]:
        """What is not a run's, by the last look, each with who made it."""
        return [
            f"{kind.name} {obj['metadata']['name']} ({_maker(obj)})"
            for kind, objects in self._by_kind.items()
            for obj in objects
            if not self.is_ours(kind, obj)
        ]

    def is_ours(self, kind: Kind, obj: Object) -> bool:
        """Whether an object of this namespace, which may have been made since, is a run's."""
        with self._lock:
            standing = self._standing(kind, obj)
        return standing is Standing.OURS or (standing is Standing.UNKNOWN and not self.certain)

    def _standing(self, kind: Kind, obj: Object) -> Standing:
        uid = _uid(obj)
        if uid not in self._standings:
            self._standings[uid] = Standing.UNKNOWN  # owners may go round in circles
            self._standings[uid] = self._judge(kind, obj)
        return self._standings[uid]

    def _judge(self, kind: Kind, obj: Object) -> Standing:
        written_by = set(labels.writers(obj))
        if labels.MANAGER in written_by or _is_furniture(kind, obj["metadata"]["name"]):
            return Standing.OURS
        owned = self._by_owners(obj)
        if owned in (Standing.OURS, Standing.THEIRS):
            return owned
        if not written_by:
            return Standing.UNKNOWN
        if labels.run_of(obj) == self._run and written_by <= _CONTROL_PLANE:
            return Standing.OURS  # out of a template of ours, without an owner: a StatefulSet's
        if kind.name in _FURNISHING:
            return self._furnished(kind, obj)
        return Standing.THEIRS if owned is None else Standing.UNKNOWN

    def _by_owners(self, obj: Object) -> Standing | None:
        """By its owners; None where it has none. What loses its last owner is collected anyway."""
        references = obj["metadata"].get("ownerReferences") or ()
        found = {self._of_owner(reference) for reference in references}
        for standing in (Standing.OURS, Standing.UNKNOWN, Standing.THEIRS):
            if standing in found:
                return standing
        return None

    def _of_owner(self, reference: dict[str, Any]) -> Standing:
        uid = reference.get("uid", "")
        if uid in self._standings:
            return self._standings[uid]
        try:
            if uid not in self._seen:
                self._look_for(reference)
        except AicrError:
            return Standing.UNKNOWN
        if uid not in self._seen:
            return Standing.OURS
        return self._standing(*self._seen[uid])

    def _look_for(self, reference: dict[str, Any]) -> None:
        """See an owner of a kind that was not looked at, or that was made since.

        By a list: whoever makes custom resources may see lists of what comes of them, and one
        answers for all.
        """
        kind = self._cluster.kind(reference.get("apiVersion", ""), reference.get("kind", ""))
        there = self._cluster.list(kind, self.namespace if kind.namespaced else None)
        self._seen |= {_uid(obj): (kind, obj) for obj in there}

    def _furnished(self, kind: Kind, obj: Object) -> Standing:
        writers = labels.writers(obj)
        if _fits(writers, _HANDS):
            return Standing.THEIRS
        key = kind, obj["metadata"]["name"]
        if key not in self._twins:
            self._twins[key] = self._elsewhere(*key)
        if any(writers[0] in labels.writers(other) for other in self._twins[key]):
            return Standing.OURS
        return Standing.THEIRS if _fits(writers, _LIBRARIES) else Standing.UNKNOWN

    def _elsewhere(self, kind: Kind, name: str) -> list[Object]:
        """Objects of this name in namespaces that no run has made."""
        try:
            found = self._cluster.list(kind, fields=f"metadata.name={name}")
        except AicrError:
            return []
        return [obj for obj in found if not obj["metadata"]["namespace"].startswith("aicr-")]

    def _listed(self, kind: Kind) -> list[Object]:
        try:
            return listed(self._cluster, kind, self.namespace, needed=True)
        except AccessDenied:
            self.unseen.add(kind.name)
            return []


def listed(
    cluster: "Cluster",
    kind: Kind,
    namespace: str | None = None,
    *,
    selector: str = "",
    needed: bool = False,
) -> list[Object]:
    """What there is of a kind; nothing where it cannot be listed: not by us, or by nobody.

    Raises:
        AccessDenied: it may not be listed by us, and is ``needed``.
    """
    try:
        return cluster.list(kind, namespace, labels=selector)
    except AccessDenied:
        if needed:
            raise
    except ApiError as error:
        if error.status not in (404, 405):  # not served after all, or not to be listed
            raise
    except ApiUnreachable:
        if kind.group in {"", *(known.group for known in KNOWN.values())}:
            raise  # an aggregated API without its server is no reason to stop; the core is
    return []


def _is_furniture(kind: Kind, name: str) -> bool:
    return _fits((name,), _FURNITURE.get(kind.name, ()))


def _fits(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, one) for name in names for one in patterns)


def _maker(obj: Object) -> str:
    writers = labels.writers(obj)
    return f"made by {writers[0]}" if writers else "nothing says who made it"


def _uid(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))
