import copy
import dataclasses
from typing import Any

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.request import PLACEHOLDER, one_each, with_accelerator_request
from aicr_pytest.accelerators.vendors.nvidia import PROFILE

NODE = AcceleratorNode(
    name="n0",
    profile=PROFILE,
    mechanism="dra",
    device_class="gpu.nvidia.com",
    pool_label="",
    model="H100",
    ready=True,
    schedulable=True,
    taints=(("nvidia.com/gpu", "present", "NoSchedule"),),
    devices=(),
    unallocated=(),
    total=8,
    free=8,
)
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "holder"},
    "spec": {
        "containers": [
            {"name": "main", "resources": {"limits": {"cpu": "1", PLACEHOLDER: "2"}}},
            {"name": "sibling", "resources": {"limits": {"cpu": "1"}}},
        ]
    },
}


def test_by_dra_the_placeholder_becomes_a_claim_of_that_container_alone() -> None:
    template, pod = with_accelerator_request(POD, NODE)
    main, sibling = pod["spec"]["containers"]

    assert template["spec"]["spec"]["devices"]["requests"][0]["exactly"] == {
        "deviceClassName": "gpu.nvidia.com",
        "count": 2,
        # A class may select partitions as well, which nobody counts.
        "selectors": [{"cel": {"expression": "device.attributes['gpu.nvidia.com'].type == 'gpu'"}}],
    }
    assert main["resources"] == {"limits": {"cpu": "1"}, "claims": [{"name": "main-accelerators"}]}
    assert "claims" not in sibling["resources"]
    assert pod["spec"]["resourceClaims"] == [
        {"name": "main-accelerators", "resourceClaimTemplateName": template["metadata"]["name"]}
    ]


def test_by_the_device_plugin_it_becomes_a_limit_of_the_vendors_resource() -> None:
    (pod,) = with_accelerator_request(POD, dataclasses.replace(NODE, mechanism="device-plugin"))

    assert pod["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "1",
        "nvidia.com/gpu": "2",
    }
    assert "resourceClaims" not in pod["spec"]


def test_the_pod_is_pinned_through_the_scheduler_and_tolerates_the_nodes_own_taints() -> None:
    *_, pod = with_accelerator_request(
        POD, NODE, tolerations=[{"key": "team", "operator": "Exists"}]
    )
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]

    assert "nodeName" not in pod["spec"]
    assert terms[0]["matchFields"][0]["values"] == ["n0"]
    assert [item["key"] for item in pod["spec"]["tolerations"]] == ["nvidia.com/gpu", "team"]


def test_units_may_be_asked_for_by_a_container_each() -> None:
    (pod,) = with_accelerator_request(POD, dataclasses.replace(NODE, mechanism="device-plugin"))

    apart = one_each(pod, "nvidia.com/gpu")["spec"]["containers"]

    assert [one["name"] for one in apart] == ["main-0", "main-1", "sibling"]
    assert [one["resources"]["limits"].get("nvidia.com/gpu") for one in apart] == ["1", "1", None]
    assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_the_manifest_itself_stays_as_it_was() -> None:
    before = copy.deepcopy(POD)
    with_accelerator_request(POD, NODE)

    assert before == POD
