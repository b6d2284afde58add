"""Defects that the checks of ``cluster_autoscaling`` must notice."""

from aicr_lab.addons.karpenter import CPU_INSTANCE_TYPE, node_pool
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.node_autoscaler import (
    AUTOSCALER_DOWN,
    NEVER_REMOVED,
    NODES_NEVER_READY,
    Pool,
    SpareNode,
)

GROWS = "test_accelerator_pod_that_fits_nowhere_gets_a_new_node"
SHRINKS = "test_node_goes_again_once_nobody_uses_it"

_NONE = r"no new node runs it\. new nodes: none"

DEFECTS = (
    Defect(
        id="ca-down",
        requirement="cluster_autoscaling",
        sentence="The autoscaler does not run; its node pool is still there.",
        injection=AUTOSCALER_DOWN,
        detected_by=GROWS,
        basis="plan",
        also_fails=frozenset({SHRINKS}),
        expected_message=_NONE,
    ),
    Defect(
        id="ca-at-limit",
        requirement="cluster_autoscaling",
        sentence="The node pool may not have any accelerator.",
        injection=Pool(broken=node_pool(limit="0")),
        detected_by=GROWS,
        basis="plan",
        also_fails=frozenset({SHRINKS}),
        expected_message=_NONE + r".*NodePool accelerators has limits nvidia\.com/gpu: 0",
    ),
    Defect(
        id="ca-node-never-ready",
        requirement="cluster_autoscaling",
        sentence="Nodes are made and never become Ready.",
        injection=NODES_NEVER_READY,
        detected_by=GROWS,
        basis="plan",
        also_fails=frozenset({SHRINKS}),
        expected_message=r"no new node runs it\. new nodes: \S*accelerators-\S+ \(not Ready\)",
        # A pod that is bound to a dead node does not end.
        leaves_behind=True,
    ),
    Defect(
        id="ca-cpu-node-only",
        requirement="cluster_autoscaling",
        sentence="The node pool has nodes without accelerators only.",
        injection=Pool(broken=node_pool(instance_type=CPU_INSTANCE_TYPE)),
        detected_by=GROWS,
        basis="plan",
        also_fails=frozenset({SHRINKS}),
        expected_message=_NONE + ".*no instance type",
    ),
    Defect(
        id="ca-node-preexisting",
        requirement="cluster_autoscaling",
        sentence="There is no autoscaler: a spare node is uncordoned when a pod waits.",
        injection=SpareNode(),
        detected_by=GROWS,
        basis="plan",
        also_fails=frozenset({SHRINKS}),
        expected_message="spare-0 is no new node: it was there before",
    ),
    Defect(
        id="ca-never-scales-down",
        requirement="cluster_autoscaling",
        sentence="Nodes that nobody uses are not removed.",
        injection=NEVER_REMOVED,
        detected_by=SHRINKS,
        basis="plan",
        expected_message=r"Node \S*accelerators-\S+: still there \d+ s after the last pod",
    ),
)
