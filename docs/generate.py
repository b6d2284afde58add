"""Write what the code's own tables say into docs and README: ``make docs``."""

import json
from pathlib import Path

import yaml

from aicr_lab.build.suite import locked, needed
from aicr_pytest.cli.listing import as_json, collect
from aicr_pytest.cluster.access_review import Need
from aicr_pytest.evidence.schemas import schemas
from aicr_pytest.evidence.yaml_text import yaml_text
from aicr_pytest.in_cluster.manifests import Plan, sonobuoy_plugin, tekton_task
from aicr_pytest.requirements.account import account
from aicr_pytest.requirements.fence import ACCOUNT as FENCED
from aicr_pytest.requirements.fence import RULES, fence
from aicr_pytest.requirements.registry import AREAS, own_solutions
from aicr_pytest.requirements.rights import all_needs
from docs import reference

HERE = Path(__file__).parent
DEPLOY = HERE.parent / "deploy"
README = HERE.parent / "README.md"

HEAD = """# Rights

What the suite asks of the API server, by requirement. This page and [rbac.yaml](rbac.yaml) are
made by `make docs` from the table that `aicr-pytest preflight` reviews. The tests run every
requirement on the lab with exactly these rights, and hold its requests against the table;
rights for products that are not in the lab ([solutions.md](solutions.md)) are the adapters' word.

The namespaces are made by the run, so that a Role cannot be bound in them beforehand: a ClusterRole
is needed. Nothing is read of Secrets, but for the one that `--aicr-pull-secret` names: with that
option `get` on that Secret is needed too, and `create` and `patch` of Secrets.

    kubectl apply -f docs/rbac.yaml -f docs/fence.yaml
    kubectl create token -n aicr-pytest aicr-pytest --duration 2h

## What these rights amount to

Without the fence below: nearly to cluster-admin. Anybody who holds the token may

- create pods in every namespace, hence under every service account and on every node, and run
  commands in every pod that is there (`pods`, `pods/exec`): read every Secret that a pod mounts,
  and, where Pod Security allows privileged pods, be root on the nodes;
- lift Pod Security anywhere (`patch` of namespaces), and delete any namespace;
- change what the cluster's own programs read and run (`patch` of ConfigMaps, Deployments and
  Services in every namespace, among them those of kube-system);
- publish devices of any driver and change device classes (ResourceSlices, DeviceClasses);
- delete workloads, routes and queues of others.

RBAC cannot say less: it knows no names of objects that do not exist yet. So treat the token as the
administrator's, let it expire, and put up the fence.

## The fence

[fence.yaml](fence.yaml) is a ValidatingAdmissionPolicy (Kubernetes 1.30 and later) that holds this
one account, `{account}`, to what a run makes. It
lets the account change nothing that fails one of these:

{rules}

A namespace is a run's where its name begins with `aicr-` and it carries the label
`app.kubernetes.io/managed-by: aicr-pytest`, which nobody else should set. Reading is left alone:
list, get and watch as RBAC grants them, ports of pods (`pods/portforward`, to ask exporters and
the service that `--aicr-service` names) and GET through Services (`services/proxy`, to ask
Prometheus) of every namespace.
What the account may do in namespaces of its own stays a risk: its pods run on nodes with
accelerators and, in one of them, mount the node's `/dev/null`. The tests run every requirement on
the lab behind this fence, and see that it refuses what it is there to refuse.

For another account, change the name in `matchConditions`. `--aicr-allow=disruption` lets one check
delete a pod of an operator: name the operator's namespace in the variable `disrupted`, or that
check says that it could not look.

## What else is held back

No pod of the suite mounts a service account's token, runs privileged, or displaces others: a
PriorityClass of the run (`preemptionPolicy: Never`, value 0) goes with each namespace that has
pods; `--aicr-priority-class` names one instead, and then `create` and `delete` of PriorityClasses
are not needed. Images are named by the tags of single releases; the digests that ran are in the
evidence, and `--aicr-image NAME=REF@sha256:DIGEST` pins one.
"""

SOLUTIONS_HEAD = """# Solutions

A platform meets a requirement with a product of its choice. What is installed is discovered, tried
in this order until one passes everything, and all findings are told; `--aicr-solution AREA=NAME`
pins one. This page is made by `make docs`.

"seen" means that the checks passed with the product itself in the lab, and failed with a broken
one. The others are written from their public documentation and say so in the evidence.

Where none of an area is found the requirement is Not Implemented only if nothing shows that a
product of its kind is there: no API, no pod, no provider of nodes and no option of yours. Else the
verdict is Unknown, and says what was seen and what to do.
"""


CHECKS = ("<!-- checks: made by `make docs` -->\n", "<!-- end of checks -->\n")
"""What stands before and behind the README's table of checks."""


def readme(page: str) -> str:
    """The README with the table of what the suite holds today."""
    begin, end = CHECKS
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return "".join((head, begin, *checks(), end, tail))


def checks() -> list[str]:
    """A line per requirement that has checks: its level in each list, and how many they are."""
    listed = as_json(collect())
    versions = listed["versions"]
    rows = [["requirement", *versions, "checks"], ["---"] * (len(versions) + 2)]
    rows += [
        [f"`{one['id']}`", *(one["levels"][v] for v in versions), str(len(one["checks"]))]
        for one in listed["requirements"]
        if one["checks"]
    ]
    return [f"| {' | '.join(row)} |\n" for row in rows]


def rbac_yaml() -> str:
    """The manifest, ready to apply."""
    head = "# Made by `make docs`: the rights that the suite needs, and no others.\n"
    return head + yaml.safe_dump_all(account(), sort_keys=False)


def image_locks() -> dict[str, str]:
    """What deploy/Dockerfile installs, with its hashes: file of deploy → its text."""
    lock = (HERE.parent / "requirements.lock").read_text(encoding="utf-8")
    head = "# Made by `make docs` of ../requirements.lock.\n"
    return {
        "requirements.lock": head + "".join(needed(HERE.parent).values()),
        "build-requirements.lock": head + "".join(locked(lock, ["hatchling"]).values()),
    }


def deploy_manifests() -> dict[str, str]:
    """Manifests for other people's runners: file of deploy → its text."""
    head = "# Made by `make docs`; `aicr-pytest in-cluster --{}` prints it with your words.\n"
    return {
        "sonobuoy-plugin.yaml": head.format("sonobuoy") + yaml_text(sonobuoy_plugin(Plan())),
        "tekton-task.yaml": head.format("tekton") + yaml_text(tekton_task(Plan())),
    }


def fence_yaml() -> str:
    """The admission policy, ready to apply."""
    head = "# Made by `make docs`: holds the suite's account to what a run makes; see rbac.md.\n"
    return head + yaml.safe_dump_all(fence(), sort_keys=False, width=100)


def rbac_markdown() -> str:
    """The page for readers."""
    features: dict[str, list[Need]] = {}
    for need in all_needs():
        features.setdefault(need.feature, []).append(need)
    head = HEAD.format(account=FENCED, rules="\n".join(f"- {rule};" for rule in RULES))
    return "\n".join([head, *(_table(name, needs) for name, needs in features.items())])


def _table(feature: str, needs: list[Need]) -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for need in needs:
        resource = "/".join(part for part in (need.resource, need.subresource) if part)
        why = need.why + (f" (in namespace {need.namespace})" if need.namespace else "")
        rows.setdefault((need.group or "core", resource, why), []).append(need.verb)
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
        for one in own_solutions(area)
    ]
    requirements = ", ".join(f"`{name}`" for name in AREAS[area])
    head = ["| name | found by | in the lab |", "|---|---|---|"]
    return "\n".join([f"## {area}: {requirements}", "", *head, *rows, ""])


def json_schemas() -> dict[str, str]:
    """What programs may rely on in the files of evidence: file of docs/schemas → its text."""
    return {name: json.dumps(one, indent=2) + "\n" for name, one in schemas().items()}


if __name__ == "__main__":
    (HERE / "schemas").mkdir(exist_ok=True)
    for name, text in json_schemas().items():
        (HERE / "schemas" / name).write_text(text, encoding="utf-8")
    (HERE / "rbac.md").write_text(rbac_markdown(), encoding="utf-8")
    (HERE / "rbac.yaml").write_text(rbac_yaml(), encoding="utf-8")
    for name, text in {**image_locks(), **deploy_manifests()}.items():
        (DEPLOY / name).write_text(text, encoding="utf-8")
    (HERE / "fence.yaml").write_text(fence_yaml(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    (HERE / "solutions.md").write_text(solutions_markdown(), encoding="utf-8")
    reference.write()
