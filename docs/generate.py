"""Write what the code's own tables say into docs: ``make docs``."""

from pathlib import Path

import yaml

from aicr_pytest.cluster.preflight import Need
from aicr_pytest.cluster.rbac import cluster_role
from aicr_pytest.rights import all_needs
from aicr_pytest.solutions.areas import AREAS, solutions_of

HERE = Path(__file__).parent
ACCOUNT = {"name": "aicr-pytest", "namespace": "aicr-pytest"}

HEAD = """# Rights

What the suite asks of the API server, by requirement. This page and [rbac.yaml](rbac.yaml) are
made by `make docs` from the table that `aicr-pytest preflight` reviews. The tests run every
requirement on the lab with exactly these rights, and hold its requests against the table;
rights for products that are not in the lab ([solutions.md](solutions.md)) are the adapters' word.

The namespaces are made by the run, so that a Role cannot be bound in them beforehand: a ClusterRole
is needed. Nothing is read of Secrets, but for the one that `--aicr-pull-secret` names: with that
option `get` on that Secret is needed too, and `create` and `patch` of Secrets.

    kubectl apply -f docs/rbac.yaml
    kubectl create token -n aicr-pytest aicr-pytest --duration 2h
"""

SOLUTIONS_HEAD = """# Solutions

A platform meets a requirement with a product of its choice. What is installed is discovered, tried
in this order until one passes everything, and all findings are told; `--aicr-solution AREA=NAME`
pins one. This page is made by `make docs`.

"seen" means that the checks passed with the product itself in the lab, and failed with a broken
one. The others are written from their public documentation and say so in the evidence.
"""


def rbac_objects() -> list[dict[str, object]]:
    """Namespace, ServiceAccount, ClusterRole and its binding."""
    role = cluster_role(need.rule for need in all_needs())
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "aicr-pytest"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount"} | ACCOUNT],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ACCOUNT["namespace"]}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": ACCOUNT},
        role,
        binding,
    ]


def rbac_yaml() -> str:
    """The manifest, ready to apply."""
    head = "# Made by `make docs`: the rights that the suite needs, and no others.\n"
    return head + yaml.safe_dump_all(rbac_objects(), sort_keys=False)


def rbac_markdown() -> str:
    """The page for readers."""
    features: dict[str, list[Need]] = {}
    for need in all_needs():
        features.setdefault(need.feature, []).append(need)
    return "\n".join([HEAD, *(_table(name, needs) for name, needs in features.items())])


def _table(feature: str, needs: list[Need]) -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for need in needs:
        resource = "/".join(part for part in (need.resource, need.subresource) if part)
        rows.setdefault((need.group or "core", resource, need.why), []).append(need.verb)
    lines = [
        f"| {group} | {resource} | {', '.join(verbs)} | {why} |"
        for (group, resource, why), verbs in rows.items()
    ]
    head = ["| API group | resource | verbs | what for |", "|---|---|---|---|"]
    return "\n".join([f"## {feature}", "", *head, *lines, ""])


def solutions_markdown() -> str:
    """The products, by area."""
    return "\n".join([SOLUTIONS_HEAD, *(_area(area) for area in AREAS)])


def _area(area: str) -> str:
    rows = [
        f"| `{one.name}` | {one.looked_for} | {'seen' if one.verified_in_lab else 'not verified'} |"
        for one in solutions_of(area)
    ]
    requirements = ", ".join(f"`{name}`" for name in AREAS[area])
    head = ["| name | found by | in the lab |", "|---|---|---|"]
    return "\n".join([f"## {area}: {requirements}", "", *head, *rows, ""])


if __name__ == "__main__":
    (HERE / "rbac.md").write_text(rbac_markdown(), encoding="utf-8")
    (HERE / "rbac.yaml").write_text(rbac_yaml(), encoding="utf-8")
    (HERE / "solutions.md").write_text(solutions_markdown(), encoding="utf-8")
