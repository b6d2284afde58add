from typing import Any

from aicr_lab.kubernetes.loadbalancer import POOL, assignments, routes

NODES = {"node-0": "10.200.0.10", "node-1": "10.200.0.11"}


def service(name: str, *ingress: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "n", "name": name},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": list(ingress)} if ingress else {}},
    }


def slice_of(name: str, *endpoints: tuple[str, bool]) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "n", "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"nodeName": n, "conditions": {"ready": ready}} for n, ready in endpoints],
    }


def test_each_service_gets_an_address_of_its_own() -> None:
    given = assignments([service("b"), service("a"), service("c", {"ip": POOL[0]})])
    assert given == {("n", "a"): POOL[1], ("n", "b"): POOL[2]}


def test_addresses_and_host_names_that_are_there_stay() -> None:
    listed = [service("a", {"hostname": "lb.example"}), service("b", {"ip": "192.0.2.1"})]
    assert assignments(listed) == {}


def test_other_services_and_those_of_another_balancer_get_nothing() -> None:
    deleted = service("c")
    deleted["metadata"]["deletionTimestamp"] = "now"
    other = service("b", loadBalancerClass="example.com/lb")
    assert assignments([service("a", type="ClusterIP"), other, deleted]) == {}


def test_a_wish_is_granted_where_it_is_free() -> None:
    wishes = [service("a", loadBalancerIP=POOL[5]), service("b", loadBalancerIP=POOL[5])]
    assert assignments(wishes) == {("n", "a"): POOL[5], ("n", "b"): POOL[0]}


def test_an_exhausted_pool_leaves_services_waiting() -> None:
    taken = [service(f"t{i}", {"ip": address}) for i, address in enumerate(POOL)]
    assert assignments([*taken, service("late")]) == {}


def test_routes_lead_to_a_node_with_a_ready_pod() -> None:
    services = [service("a", {"ip": POOL[0]}), service("b", {"ip": POOL[1]})]
    slices = [slice_of("a", ("node-0", False), ("node-1", True)), slice_of("b", ("node-0", False))]
    assert routes(services, slices, NODES) == {POOL[0]: "10.200.0.11"}


def test_no_route_for_addresses_that_are_not_ours() -> None:
    services = [service("a", {"ip": "192.0.2.1"}, {"hostname": "lb.example"})]
    assert routes(services, [slice_of("a", ("node-0", True))], NODES) == {}
