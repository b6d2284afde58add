"""Which kinds an API server serves, whatever their group: CRDs and aggregated APIs included."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aicr_pytest.errors import ApiUnreachable

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def served_kinds(cluster: "Cluster") -> list[tuple[str, str]]:
    """Kind and ``group/version`` of everything that is served, but for the core group.

    Raises:
        ApiUnreachable: the answer is no list of groups.
    """
    answer = cluster.raw("GET", "/apis", accept=f"{_AGGREGATED},application/json")
    said = answer.object()
    kinds = _of_all if said.get("kind") == "APIGroupDiscoveryList" else _asked_one_by_one
    try:
        return sorted(set(kinds(cluster, said)))
    except (TypeError, KeyError, AttributeError):
        raise ApiUnreachable(f"GET /apis: the answer lists no kinds: {answer.head}") from None


def _of_all(cluster: "Cluster", said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for group in said["items"] or ():
        for version in group.get("versions") or ():
            api_version = f"{group['metadata']['name']}/{version['version']}"
            for one in version.get("resources") or ():
                yield str(one["responseKind"]["kind"]), api_version


def _asked_one_by_one(cluster: "Cluster", said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """On servers that do not tell all at once."""
    for group in said["groups"] or ():
        for version in group["versions"]:
            for kind in cluster.serves(group["name"], version["version"]):
                yield kind, f"{group['name']}/{version['version']}"
