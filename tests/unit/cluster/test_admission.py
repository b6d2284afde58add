"""What was sent, compared with what the API server made of it."""

import copy
from typing import Any

import pytest

from aicr_pytest.cluster import admission
from aicr_pytest.cluster.kinds import Object

SENT: Object = {
    "metadata": {"name": "holder"},
    "spec": {
        "restartPolicy": "Never",
        "priorityClassName": "aicr-1",
        "containers": [
            {
                "name": "holder",
                "image": "probe",
                "command": ["sleep", "1"],
                "resources": {"limits": {"cpu": "0.5", "nvidia.com/gpu": "1"}},
            }
        ],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    },
}


def answered() -> Any:
    """As an API server without policies answers."""
    made: Any = copy.deepcopy(SENT)
    spec = made["spec"]
    spec |= {"dnsPolicy": "ClusterFirst", "serviceAccountName": "default", "priority": -5,
             "schedulerName": "default-scheduler", "volumes": [{"name": "kube-api-access-x"}],
             "nodeSelector": {}, "preemptionPolicy": "Never"}  # fmt: skip
    spec["containers"][0] |= {
        "imagePullPolicy": "IfNotPresent",
        "resources": {
            "limits": {"cpu": "500m", "nvidia.com/gpu": "1"},
            "requests": {"cpu": "500m", "nvidia.com/gpu": "1"},
        },
        "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/var"}],
    }
    spec["tolerations"] += [
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
    ]
    return made


def told(made: Object) -> list[str]:
    return [str(change) for change in admission.changes(SENT, made)]


def test_what_the_api_server_fills_in_is_no_change() -> None:
    assert told(answered()) == []


def test_sidecars_wherever_they_stand_are_additions_and_nothing_else() -> None:
    for place in (0, 1):
        made = answered()
        made["spec"]["containers"].insert(place, {"name": "linkerd-proxy", "image": "proxy"})
        made["spec"]["initContainers"] = [{"name": "istio-init", "restartPolicy": "Always"}]

        assert told(made) == [
            "containers[linkerd-proxy] was added",
            "initContainers[istio-init] was added",
        ]


def test_everything_that_decides_where_and_how_a_pod_runs_is_told() -> None:
    made = answered()
    spec = made["spec"]
    spec["nodeSelector"] = {"node-role.example.com/app": "true"}
    spec["tolerations"].append({"key": "team", "operator": "Exists"})
    spec["runtimeClassName"] = "nvidia"
    spec["priorityClassName"] = "tenants"
    spec["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    spec["containers"][0]["env"] = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    del spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]

    assert told(made) == [
        'containers[holder].env[NVIDIA_VISIBLE_DEVICES] was added: "all"',
        "containers[holder].resources.limits.nvidia.com/gpu was dropped",
        'nodeSelector.node-role.example.com/app was added: "true"',
        'priorityClassName was changed: from "aicr-1" to "tenants"',
        'runtimeClassName was added: "nvidia"',
        "schedulingGates[kueue.x-k8s.io/admission] was added",
        "tolerations[team] was added",
    ]


def test_devices_that_a_sidecar_takes_are_told() -> None:
    made = answered()
    proxy = {"name": "proxy", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    made["spec"]["containers"].append(proxy)

    found = admission.touching(
        admission.changes(SENT, made), ["*ontainers[*].resources.limits.nvidia.com/*"]
    )
    assert [change.field for change in found] == [
        "containers[proxy].resources.limits.nvidia.com/gpu"
    ]


def test_who_owns_a_changed_field_is_named_where_the_api_server_tells() -> None:
    made = answered()
    made["spec"]["runtimeClassName"] = "nvidia"
    made["metadata"]["managedFields"] = [
        {"manager": "aicr-pytest", "fieldsV1": {"f:spec": {"f:restartPolicy": {}}}},
        {"manager": "gpu-injector", "fieldsV1": {"f:spec": {"f:runtimeClassName": {}}}},
    ]

    assert told(made) == ['runtimeClassName was added by gpu-injector: "nvidia"']


def managed(manager: str, spec: Any, **more: Any) -> Any:
    return {"manager": manager, "fieldsV1": {"f:spec": spec}, **more}


def test_owner_of_a_field_whose_name_holds_dots_is_named() -> None:
    made = answered()
    made["spec"]["nodeSelector"] = {"node-role.example.com/app": "true"}
    del made["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    made["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "2"
    limits: Any = {"f:resources": {"f:limits": {"f:nvidia.com/gpu": {}}}}
    made["metadata"]["managedFields"] = [
        managed("selector", {"f:nodeSelector": {"f:node-role.example.com/app": {}}}),
        managed("injector", {"f:containers": {'k:{"name":"holder"}': limits}}),
    ]

    limit = "containers[holder].resources.limits"
    assert told(made) == [
        f"{limit}.cpu was dropped",
        f'{limit}.nvidia.com/gpu was changed by injector: from "1" to "2"',
        'nodeSelector.node-role.example.com/app was added by selector: "true"',
    ]


def test_owner_of_an_item_is_named_by_what_names_the_item() -> None:
    made = answered()
    made["spec"]["containers"][0]["env"] = [{"name": "GPUS", "value": "all"}]
    made["metadata"]["managedFields"] = [
        {"manager": "nobody"},
        managed("kubelet", {"f:env": {'k:{"name":"GPUS"}': {}}}, subresource="status"),
        managed("us", {"f:env": {'k:{"name":"GPUS"}': {}}}),
        managed("injector", {"f:env": {'k:{"name":"GPUS"}': {"f:value": {}}}}),
    ]

    (change,) = admission.changes(SENT, made, ours="us")
    assert (change.field, change.manager) == ("containers[holder].env[GPUS]", "injector")


def test_items_that_nothing_names_are_told_by_their_place() -> None:
    made = answered()
    terms = [{"weight": 1, "preference": {"matchFields": ["a", "b"]}}, {"weight": 2}]
    made["spec"]["affinity"] = {"nodeAffinity": {"preferred": terms}}
    made["spec"]["hostNetwork"] = True

    assert told(made) == [
        "affinity.nodeAffinity.preferred[0] was added",
        "affinity.nodeAffinity.preferred[1] was added",
        "hostNetwork was added: true",
    ]


def test_long_values_are_cut() -> None:
    change = admission.Change(field="x", sent=300 * "s", made=300 * "m")

    assert str(change) == f"x was changed: from {200 * 's'} to {200 * 'm'}"


def test_what_is_empty_is_as_good_as_not_sent() -> None:
    sent: Any = copy.deepcopy(SENT)
    sent["spec"]["containers"][0]["env"] = [{"name": "NOTHING", "value": ""}]
    made: Any = answered()
    made["spec"]["containers"][0]["env"] = [{"name": "NOTHING"}]

    assert admission.changes(sent, made) == []


def test_what_we_own_ourselves_was_changed_by_nobody_who_can_be_named() -> None:
    made = answered()
    made["spec"]["nodeSelector"] = {"zone": "a"}
    ours = managed("aicr-pytest", {"f:nodeSelector": {"f:zone": {}}})
    made["metadata"]["managedFields"] = [ours]

    assert told(made) == ['nodeSelector.zone was added: "a"']


def test_what_a_policy_may_add_to_any_pod_is_told() -> None:
    made = answered()
    spec = made["spec"]
    spec |= {"schedulerName": "yunikorn", "hostPID": True, "securityContext": {"fsGroup": 1000}}
    spec["volumes"].append({"name": "agent", "hostPath": {"path": "/run/agent"}})
    container = spec["containers"][0]
    container["securityContext"] = {"privileged": True}
    container["volumeMounts"].append({"name": "agent", "mountPath": "/run/agent"})
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}

    assert told(made) == [
        "containers[holder].lifecycle.preStop.sleep.seconds was added: 5",
        "containers[holder].securityContext.privileged was added: true",
        "containers[holder].volumeMounts[agent] was added",
        "hostPID was added: true",
        'schedulerName was added: "yunikorn"',
        "securityContext.fsGroup was added: 1000",
        "volumes[agent] was added",
        'volumes[agent].hostPath.path was added: "/run/agent"',
    ]


@pytest.mark.parametrize(
    ("path", "opens"),
    [("/dev", True), ("/dev/dri", True), ("/", True), ("/run/agent", False), ("/devices", False)],
)
def test_devices_of_the_host_are_opened_by_its_folders(path: str, opens: bool) -> None:
    made = answered()
    made["spec"]["volumes"].append({"name": "host", "hostPath": {"path": path}})

    found = admission.changes(SENT, made)

    assert bool(admission.touching(found, admission.OPENING_DEVICES)) is opens


def test_a_privileged_container_sees_all_devices() -> None:
    made = answered()
    made["spec"]["containers"][0]["securityContext"] = {"privileged": True}

    found = admission.changes(SENT, made)

    assert admission.touching(found, admission.OPENING_DEVICES) == found
