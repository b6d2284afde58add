"""The account that the suite runs as where it is not the administrator's: its rights as objects."""

from aicr_pytest.cluster.access import cluster_role, role
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.rights import all_needs

NAME = "aicr-pytest"


def account(namespace: str = NAME, *, name: str = NAME) -> list[Object]:
    """Namespace, ServiceAccount, roles and their bindings: what the suite needs, and no more.

    Args:
        namespace: of the ServiceAccount.
        name: of the roles and bindings; the ServiceAccount's is always the same.
    """
    needs = all_needs()
    everywhere = cluster_role((need.rule for need in needs if not need.namespace), name=name)
    places = sorted({need.namespace for need in needs if need.namespace})
    there = [
        role((need.rule for need in needs if need.namespace == place), place, name=name)
        for place in places
    ]
    owner = {"name": NAME, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": dict(owner)},
        *(thing for made in (everywhere, *there) for thing in (made, _binding(made, owner))),
    ]


def _binding(made: Object, owner: Object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{made['kind']}Binding",
        "metadata": dict(made["metadata"]),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": made["kind"],
            "name": made["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount"} | owner],
    }
