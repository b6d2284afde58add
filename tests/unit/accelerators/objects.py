"""API objects of a small GPU cluster, as the API server returns them."""

from typing import Any

from aicr_pytest.cluster.kinds import Object


def node(name: str, *, allocatable: dict[str, str] | None = None, **spec: Any) -> Object:
    """A Ready node of one instance type."""
    return {
        "metadata": {"name": name, "labels": {"node.kubernetes.io/instance-type": "h100-8"}},
        "spec": spec,
        "status": {
            "allocatable": allocatable or {},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def device(index: int, node_name: str, **attributes: str) -> Object:
    """A whole GPU in a slice."""
    values = {
        "type": "gpu",
        "uuid": f"GPU-{node_name}-{index}",
        "productName": "H100",
        "architecture": "Hopper",
    } | attributes
    strings: dict[str, Object] = {key: {"string": value} for key, value in values.items() if value}
    return {
        "name": f"gpu-{index}",
        "attributes": strings | {"driverVersion": {"version": "580.126.20"}},
    }


def resource_slice(
    node_name: str,
    devices: list[Object],
    *,
    generation: int = 1,
    count: int = 1,
    driver: str = "gpu.nvidia.com",
) -> Object:
    """A slice of a node's pool."""
    return {
        "metadata": {"name": f"{node_name}-{driver}-{generation}"},
        "spec": {
            "driver": driver,
            "nodeName": node_name,
            "pool": {"name": node_name, "generation": generation, "resourceSliceCount": count},
            "devices": devices,
        },
    }


def claim(name: str, *devices: tuple[str, str], admin: bool = False) -> Object:
    """A claim that holds (pool, device) pairs."""
    results = [
        {"driver": "gpu.nvidia.com", "pool": pool, "device": held, "request": "r"}
        | ({"adminAccess": True} if admin else {})
        for pool, held in devices
    ]
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "status": {"allocation": {"devices": {"results": results}}},
    }


def device_class(name: str, *, driver: str = "gpu.nvidia.com", extended: str = "") -> Object:
    """A DeviceClass that selects a driver."""
    spec: Object = {"selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]}
    return {
        "metadata": {"name": name},
        "spec": spec | ({"extendedResourceName": extended} if extended else {}),
    }


def pod(node_name: str, gpus: int, phase: str = "Running") -> Object:
    """A pod that holds GPUs by the device plugin."""
    limits = {"nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"nodeName": node_name, "containers": [{"resources": {"limits": limits}}]},
        "status": {"phase": phase},
    }
