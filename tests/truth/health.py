"""Whether a lab is as ``up`` made it."""

from aicr_lab.accelerators.node import device_class, runtime
from aicr_lab.addons.catalogue import chosen
from aicr_lab.defects.active import active
from aicr_lab.defects.injections.admission_policies import PREFIX
from aicr_lab.defects.injections.device_path import await_devices
from aicr_lab.defects.injections.injection import taints_of
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until

_SETTLING = 40.0
"""Seconds for what a killed or a hindered run left to go."""
_ADMISSION = "admissionregistration.k8s.io/v1"


def faults(lab: Lab) -> list[str]:
    """What is not as it was, as sentences, after some time to settle."""
    wait_until(lambda: not _faults(lab), _SETTLING, every=0.5)
    return _faults(lab)


def _faults(lab: Lab) -> list[str]:
    found = [f"still injected: {defect.id}" for defect in active(lab)]
    found += [f"{one.name}: {one.health}" for one in lab.status() if one.health != "ok"]
    found += [
        f"namespace {namespace['metadata']['name']} is there"
        for namespace in lab.api.list("v1", "Namespace")
        # The add-ons have namespaces of their own; those of the suite and of defects are aicr-….
        if namespace["metadata"]["name"].startswith("aicr-")
    ]
    for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"):
        found += [
            f"{kind} {policy['metadata']['name']} is there"
            for policy in lab.api.list(_ADMISSION, kind)
            if policy["metadata"]["name"].startswith(PREFIX)
        ]
    found += [said for addon in chosen(lab.options.addons) if (said := addon.missing(lab))]
    return found + _node_faults(lab) + _accelerator_faults(lab)


def _node_faults(lab: Lab) -> list[str]:
    found = []
    for node in lab.nodes:
        seen = lab.api.get("v1", "Node", node.name)
        ready = [c["status"] for c in seen["status"]["conditions"] if c["type"] == "Ready"]
        if ready != ["True"]:
            found.append(f"{node.name} is not Ready")
        found += [f"{node.name} has taint {taint['key']}" for taint in taints_of(lab, node.name)]
    return found


def _accelerator_faults(lab: Lab) -> list[str]:
    try:
        await_devices(lab)
    except LabError as error:
        return [str(error)]
    found = [
        f"{node.name}: the runtime still breaks containers: {', '.join(modes)}"
        for node in lab.nodes
        if (modes := runtime(node).modes)
    ]
    claims = lab.api.list("resource.k8s.io/v1", "ResourceClaim")
    found += [f"ResourceClaim {claim['metadata']['name']} is there" for claim in claims]
    healthy = device_class("gpu.nvidia.com", "gpu", extended_resource="nvidia.com/gpu")
    actual = lab.api.find("resource.k8s.io/v1", "DeviceClass", "gpu.nvidia.com")
    if actual is not None and actual["spec"] != healthy["spec"]:
        found.append(f"DeviceClass gpu.nvidia.com selects by {actual['spec']}")
    return found
