"""The objects of a run inside the cluster."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from aicr_pytest.cli.main import _parser, main
from aicr_pytest.cluster import labels
from aicr_pytest.in_cluster.manifests import OURS, Plan, objects, sonobuoy_plugin, tekton_task

ROOT = Path(__file__).resolve().parents[3]
Object = dict[str, Any]


def of_kind(made: list[Object], kind: str) -> list[Object]:
    return [obj for obj in made if obj["kind"] == kind]


def pod_of(plan: Plan) -> Object:
    (job,) = of_kind(objects(plan), "Job")
    pod: Object = job["spec"]["template"]["spec"]
    return pod


def test_the_account_has_the_rights_of_the_page_and_no_others() -> None:
    page = list(yaml.safe_load_all((ROOT / "docs" / "rbac.yaml").read_text()))
    made = objects(Plan())

    for kind in ("ClusterRole", "Role"):
        assert [one["rules"] for one in of_kind(made, kind)] == [
            one["rules"] for one in of_kind(page, kind)
        ]
    assert pod_of(Plan())["serviceAccountName"] == "aicr-pytest"


def test_the_fence_is_around_the_account_that_the_job_runs_as() -> None:
    made = objects(Plan(namespace="ci", disrupted=["jobset-system"]))
    (policy,) = of_kind(made, "ValidatingAdmissionPolicy")
    (condition,) = policy["spec"]["matchConditions"]

    assert "'system:serviceaccount:ci:aicr-pytest'" in condition["expression"]
    variables = {one["name"]: one["expression"] for one in policy["spec"]["variables"]}
    assert variables["disrupted"] == "['jobset-system']"


def test_two_namespaces_share_nothing_of_the_whole_cluster() -> None:
    def wide(plan: Plan) -> set[tuple[str, str]]:
        made = [obj for obj in objects(plan) if obj["metadata"].get("namespace") != plan.namespace]
        return {(obj["kind"], obj["metadata"]["name"]) for obj in made}

    assert wide(Plan()) & wide(Plan(namespace="ci")) == set()
    assert len(wide(Plan())) == 7


def test_no_object_looks_like_one_of_a_run() -> None:
    """Where the labels of a run are, the fence lets the account do what a run does."""
    for obj in objects(Plan()):
        carried = obj["metadata"]["labels"]
        assert OURS.items() <= carried.items()
        assert not carried.keys() & {labels.MANAGED_BY, labels.RUN}


def test_the_pod_is_one_of_the_restricted_level() -> None:
    (namespace,) = of_kind(objects(Plan()), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = pod_of(Plan())

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "runAsUser" not in pod["securityContext"]
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_claim_keeps_the_evidence_instead_of_a_second_container() -> None:
    held, kept = pod_of(Plan()), pod_of(Plan(evidence_claim="disk", pull_secret="registry"))

    assert [one["name"] for one in held["containers"]] == ["run", "hold"]
    assert [one["name"] for one in kept["containers"]] == ["run"]
    assert kept["volumes"][0]["persistentVolumeClaim"] == {"claimName": "disk"}
    assert kept["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in held


def test_kubernetes_puts_no_variables_into_the_words_of_a_run() -> None:
    plan = Plan(arguments=["-k", "$(HOME)"])

    assert pod_of(plan)["containers"][0]["args"][-3:] == ["--", "-k", "$$(HOME)"]
    assert sonobuoy_plugin(plan)["spec"]["args"] == ["sonobuoy", "--", "-k", "$$(HOME)"]


def test_the_job_is_tried_once_and_has_an_end() -> None:
    (job,) = of_kind(objects(Plan()), "Job")

    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] > 3600
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("name", "made"), [("sonobuoy-plugin", sonobuoy_plugin), ("tekton-task", tekton_task)]
)
def test_the_shipped_manifests_are_the_printed_ones(
    name: str, made: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = yaml.safe_load((ROOT / "deploy" / f"{name}.yaml").read_text())

    assert shipped == made(Plan())
    assert main(["in-cluster", f"--{name.partition('-')[0]}"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == shipped


def test_the_plugin_is_one_as_sonobuoy_reads_it() -> None:
    plugin = sonobuoy_plugin(Plan(image="r.example/a:1"))

    assert plugin["sonobuoy-config"]["driver"] == "Job"
    assert plugin["sonobuoy-config"]["result-format"] == "manual"
    assert plugin["spec"]["name"] == "plugin"
    assert plugin["spec"]["volumeMounts"] == [
        {"mountPath": "/tmp/sonobuoy/results", "name": "results"}
    ]


def test_the_task_is_one_as_tekton_reads_it() -> None:
    task = tekton_task(Plan())
    spec = task["spec"]
    said = str(spec["steps"])

    assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
    for param in spec["params"]:
        star = "[*]" if param["type"] == "array" else ""
        assert f"$(params.{param['name']}{star})" in said
    for what, how in (("workspaces", "path"), ("results", "path")):
        for one in spec[what]:
            assert f"$({what}.{one['name']}.{how})" in said


def test_what_is_printed_is_what_would_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["in-cluster", "--print", "--namespace", "ci", "--", "-m", "must"]) == 0

    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed == objects(Plan(namespace="ci", arguments=["-m", "must"]))


def test_every_command_of_the_page_is_one() -> None:
    page = (ROOT / "docs" / "in-cluster.md").read_text()
    commands = re.findall(r"(?m)^ {4}aicr-pytest (.*)$|`aicr-pytest (in-cluster[^`]*)`", page)
    assert len(commands) > 5

    for words in (shlex.split(block or inline) for block, inline in commands):
        assert _parser().parse_args(words).command.__name__ == "in_cluster"
