"""Admission policies that break a cluster; the API server itself enforces them."""

from collections.abc import Sequence

from aicr_lab.kubernetes.api import Object

_GROUP = "admissionregistration.k8s.io/v1"
PREFIX = "aicr-lab-defect-"
"""Of the names of all policies."""

# The lab's own pods keep working.
_NOT_KUBE_SYSTEM: Object = {
    "matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
    ]
}


def rule(
    group: str, resources: Sequence[str], operations: Sequence[str], version: str = "v1"
) -> Object:
    """One rule of ``matchConstraints``."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": list(resources),
        "operations": list(operations),
    }


def refusing(name: str, rules: Sequence[Object], *, expression: str, message: str) -> list[Object]:
    """A ValidatingAdmissionPolicy and its binding: what ``expression`` finds false is refused."""
    policy = {
        "apiVersion": _GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": PREFIX + name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": list(rules)},
            "validations": [{"expression": expression, "message": message}],
        },
    }
    binding = {
        "apiVersion": _GROUP,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": PREFIX + name},
        "spec": {"policyName": PREFIX + name, "validationActions": ["Deny"]},
    }
    return [policy, binding]


def rewriting(
    name: str, rules: Sequence[Object], *, when: str, patches: Sequence[str] = (), merge: str = ""
) -> list[Object]:
    """A MutatingAdmissionPolicy and its binding.

    Args:
        when: CEL over ``object``; false leaves it as it is.
        patches: CEL of ``JSONPatch`` lists.
        merge: CEL of an ``Object{…}`` that is applied over it.
    """
    mutations: list[Object] = [
        {"patchType": "JSONPatch", "jsonPatch": {"expression": patch}} for patch in patches
    ]
    if merge:
        mutations.append(
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": merge}}
        )
    policy = {
        "apiVersion": _GROUP,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": PREFIX + name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "resourceRules": list(rules),
                "namespaceSelector": _NOT_KUBE_SYSTEM,
            },
            "matchConditions": [{"name": "concerned", "expression": when}],
            "mutations": mutations,
        },
    }
    binding = {
        "apiVersion": _GROUP,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": PREFIX + name},
        "spec": {"policyName": PREFIX + name},
    }
    return [policy, binding]
