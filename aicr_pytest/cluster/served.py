"""Which kinds an API server serves, whatever their group: CRDs and aggregated APIs included."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import API_SERVICE, Kind, Object
from aicr_pytest.errors import AggregatedApiDown, ApiUnreachable

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
            with contextlib.suppress(AggregatedApiDown):  # the survey tells of it
                for kind in cluster.serves(group["name"], version["version"]):
                    yield kind, f"{group['name']}/{version['version']}"


def is_served(cluster: "Cluster", kind: Kind) -> bool:
    """Whether a kind is served, in the version by which the server is asked."""
    spoken = cluster.spoken(kind)
    return kind.name in cluster.serves(spoken.group, spoken.version)


def dead_groups(cluster: "Cluster") -> list[str]:
    """APIServices whose server does not answer, each with the words for it.

    Discovery is incomplete by them, and no namespace is ever deleted to its end.
    """
    return sorted(
        f"APIService {service['metadata']['name']}: {why}"
        for service in cluster.list(API_SERVICE)
        if (why := unavailable(service))
    )


def unavailable(service: Object) -> str:
    """Why an APIService is not available; empty where it is."""
    condition = pod_state.condition(service, "Available")
    if not condition:
        return "nobody has looked at it yet"
    if condition.get("status") == "True":
        return ""
    return f"{condition.get('reason', '')}: {condition.get('message', '')}"
