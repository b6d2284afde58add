"""`aicr-pytest preflight`: what would come of each requirement, and whether a run can begin."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.cli.main import main
from aicr_pytest.cluster.kinds import Object
from tests.plugin.living_api import LivingApi

GATEWAYS = "/apis/gateway.networking.k8s.io/v1"
SERVED = {"kind": "APIResourceList", "resources": [{"name": "deployments", "kind": "Deployment"}]}

Preflight = Callable[..., dict[str, Any]]


@pytest.fixture
def preflight(api: LivingApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Preflight:
    """Runs it; what it says to programs, with the exit status and the lines for people."""
    api.texts["/api"] = '{"kind": "APIVersions", "versions": ["v1"]}'
    api.texts["/apis"] = json.dumps({"kind": "APIGroupList", "groups": []})
    config = api.kubeconfig(tmp_path)

    def run(*words: str) -> dict[str, Any]:
        status = main(["preflight", "--json", "--aicr-kubeconfig", config, *words])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        lines = main(["preflight", "--aicr-kubeconfig", config, *words])
        assert lines == status
        text = capsys.readouterr().out.splitlines()
        by_id = {one["id"]: one for one in told["requirements"]}
        return {**told, "status": status, "lines": text, "expected": by_id}

    return run


def test_every_requirement_with_checks_has_one_line_and_the_last_says_ready_or_not(
    preflight: Preflight,
) -> None:
    told = preflight()

    lines = [line for line in told["lines"] if line.split()[0] in told["expected"]]
    assert len(lines) == len(told["expected"]) == 9
    assert told["lines"][-1].startswith("READY: of 9 requirements ")
    assert (told["ready"], told["status"]) == (True, 0)


def test_product_that_is_not_there_is_forecast_as_not_implemented_with_the_reason(
    preflight: Preflight,
) -> None:
    told = preflight()

    assert told["expected"]["ai_inference"]["expected"] == "Not Implemented"
    (line,) = (line for line in told["lines"] if line.startswith("ai_inference"))
    assert line.endswith("would be Not Implemented: No solution of gateway is installed.")


def test_free_accelerators_let_it_run(preflight: Preflight) -> None:
    one = preflight()["expected"]["secure_accelerator_access"]

    assert (one["expected"], one["because"]) == ("would run", "2 free on gpu-1")


def test_accelerators_that_others_hold_make_it_not_ready(
    preflight: Preflight, api: LivingApi
) -> None:
    spec = {
        "nodeName": "gpu-1",
        "containers": [
            {"name": "c", "image": "i", "resources": {"requests": {"nvidia.com/gpu": "2"}}}
        ],
    }
    api.put(
        "/api/v1/namespaces/theirs/pods",
        {"metadata": {"name": "p", "namespace": "theirs"}, "spec": spec, "status": {}},
    )

    told = preflight("--aicr-feature", "secure")

    assert told["expected"]["secure_accelerator_access"]["because"] == (
        "every accelerator of gpu-1 is held by somebody"
    )
    assert (told["ready"], told["status"]) == (False, 1)
    assert told["lines"][-1] == "NOT READY: of 1 requirements 1 would be Inconclusive"


def test_missing_rights_are_one_line_with_one_way_out(preflight: Preflight, api: LivingApi) -> None:
    def allowed(attributes: Object) -> bool:
        return (attributes["verb"], attributes["resource"]) != ("watch", "pods")

    api.allowed = allowed

    told = preflight()

    assert [line for line in told["lines"] if "MISSING" in line] == [
        "rights: MISSING every check: watch pods"
    ]
    assert sum("aicr-pytest rbac | kubectl apply -f -" in line for line in told["lines"]) == 1
    assert told["expected"]["secure_accelerator_access"]["because"].endswith(
        "no right to watch pods"
    )
    assert told["lines"][-1].endswith("; 1 rights are missing")
    assert told["status"] == 1


def test_what_needs_only_the_users_word_is_no_reason_against_a_run(
    preflight: Preflight, api: LivingApi
) -> None:
    gateway_class = {
        "metadata": {"name": "c"},
        "spec": {"controllerName": "projectcontour.io/gateway-controller"},
        "status": {"conditions": [{"type": "Accepted", "status": "True"}]},
    }
    api.put(f"{GATEWAYS}/gatewayclasses", gateway_class)
    api.resources[GATEWAYS] = [
        {"name": "gatewayclasses", "kind": "GatewayClass", "namespaced": False},
        {"name": "gateways", "kind": "Gateway", "namespaced": True},
    ]

    told = preflight("--aicr-feature", "gateway")

    assert told["expected"]["ai_inference"]["opt_in"] is True
    assert "--aicr-allow load-balancer" in told["expected"]["ai_inference"]["because"]
    assert told["lines"][-1] == "READY: of 1 requirements 1 needs your word"

    told = preflight("--aicr-feature", "gateway", "--aicr-allow", "load-balancer")
    assert told["expected"]["ai_inference"]["expected"] == "would run"


def test_not_applicable_by_the_users_word_is_forecast_so(preflight: Preflight) -> None:
    told = preflight("--aicr-not-applicable", "cluster_autoscaling=no autoscaler is sold")

    one = told["expected"]["cluster_autoscaling"]
    assert (one["expected"], one["because"]) == ("N/A", "no autoscaler is sold")


def test_nothing_is_created_without_pull(preflight: Preflight, api: LivingApi) -> None:
    preflight()

    writes = [line for line in api.requests if line[0] not in ("GET", "HEAD")]
    assert {path.partition("?")[0] for _, path, _ in writes} <= {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    }


def test_pull_tries_each_image_that_is_needed_and_leaves_nothing(
    preflight: Preflight, api: LivingApi
) -> None:
    gone = ("--aicr-image", "load=registry.example/gone:1", "--aicr-timeout-scale", "0.01")
    exporter = {
        "name": "dcgm",
        "namespace": "gpu",
        "labels": {"app.kubernetes.io/name": "dcgm-exporter"},
    }
    spec = {"nodeName": "gpu-1", "containers": [{"name": "c", "image": "i"}]}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.put("/api/v1/namespaces/gpu/pods", {"metadata": exporter, "spec": spec, "status": status})
    pulled = kubelet(api)

    told = preflight("--pull", *gone)

    by_image = {one["image"]: one for one in told["pulled"]}
    assert set(by_image) == {"probe", "load"}, "of all requirements only these would run"
    assert (by_image["probe"]["digest"], by_image["probe"]["node"]) == ("sha256:1234", "gpu-1")
    assert "ErrImagePull: not found" in by_image["load"]["trouble"]
    assert len(pulled) == 4, "each was tried by both runs"
    assert api.left() == []
    assert told["status"] == 1
    assert told["lines"][-1].endswith("; not every image was pulled")


def kubelet(api: LivingApi) -> list[str]:
    """Lets pods start whose image is not gone; the images that were asked for."""
    asked: list[str] = []
    put = api.put

    def started(collection: str, obj: Object) -> Object:
        if collection.endswith("/pods"):
            container = obj["spec"]["containers"][0]
            asked.append(container["image"])
            gone = "gone" in container["image"]
            waiting = {"reason": "ErrImagePull", "message": "not found"}
            state = {"waiting": waiting} if gone else {"running": {"startedAt": "now"}}
            ready = "False" if gone else "True"
            obj["spec"]["nodeName"] = "gpu-1"
            obj["status"] = {
                "phase": "Pending" if gone else "Running",
                "conditions": [
                    {"type": "PodScheduled", "status": "True"},
                    {"type": "Ready", "status": ready},
                ],
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": "" if gone else "sha256:1234",
                        "ready": not gone,
                        "restartCount": 0,
                        "state": state,
                    }
                ],
            }
        return put(collection, obj)

    api.put = started  # type: ignore[method-assign]
    return asked


def test_the_pods_of_the_whole_cluster_are_asked_for_once(
    preflight: Preflight, api: LivingApi
) -> None:
    preflight()

    whole = [line for line in api.requests if "/api/v1/pods?limit=" in str(line)]
    assert len(whole) == 2, "preflight runs twice here, once for programs and once for people"
