"""Ways to break what an operator does: its controller, its rights, what becomes of its objects."""

import copy
from dataclasses import dataclass

from aicr_lab.defects.injections.admission_policies import rewriting, rule
from aicr_lab.defects.injections.injection import Applied, Injection, await_effect
from aicr_lab.defects.injections.operators import operators_under_test, restore
from aicr_lab.lab import Lab

_RBAC = "rbac.authorization.k8s.io/v1"
_MANAGER = "kube-controller-manager"
_NOWHERE = '[JSONPatch{op: "add", path: "/spec/nodeSelector", value: {"aicr-lab": "nowhere"}}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllersDown:
    """The Deployments of the controllers have no replicas."""

    def inject(self, lab: Lab) -> None:
        """Scales them to nothing, and waits until no pod is left."""
        self._scale(lab, 0)
        for operator in operators_under_test(lab):
            await_effect(
                f"the end of {operator.deployment}",
                lambda operator=operator: not lab.api.list("v1", "Pod", operator.namespace),  # type: ignore[misc]
            )

    def revert(self, lab: Lab) -> None:
        """Scales them back and waits until they are available."""
        self._scale(lab, 1)
        for operator in operators_under_test(lab):
            await_effect(
                operator.deployment,
                lambda operator=operator: not operator.addon.missing(lab),  # type: ignore[misc]
            )

    def _scale(self, lab: Lab, replicas: int) -> None:
        change = {"spec": {"replicas": replicas}}
        for operator in operators_under_test(lab):
            lab.api.patch("apps/v1", "Deployment", operator.deployment, change, operator.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class MayNotCreate:
    """The controllers may not create the children of their custom resources."""

    def inject(self, lab: Lab) -> None:
        """Take the right away."""
        for operator in operators_under_test(lab):
            role = copy.deepcopy(lab.api.get(_RBAC, "ClusterRole", operator.role))
            group, plural = operator.makes
            for each in role["rules"]:
                if group in each.get("apiGroups", []) and plural in each.get("resources", []):
                    each["verbs"] = [verb for verb in each["verbs"] if verb != "create"]
            lab.api.patch(_RBAC, "ClusterRole", operator.role, {"rules": role["rules"]})

    def revert(self, lab: Lab) -> None:
        """Give it back."""
        for operator in operators_under_test(lab):
            restore(lab, operator, "ClusterRole")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLies:
    """Pods get no node; the status of their custom resource says that all is ready."""

    def inject(self, lab: Lab) -> None:
        """Has the API server write it so."""
        for way in self._injections(lab):
            way.inject(lab)

    def revert(self, lab: Lab) -> None:
        """End that."""
        for way in self._injections(lab):
            way.revert(lab)

    def _injections(self, lab: Lab) -> list[Injection]:
        found: list[Injection] = []
        for operator in operators_under_test(lab):
            pods = rewriting(
                f"{operator.plural}-nowhere",
                [rule("", ["pods"], ["CREATE"])],
                when=operator.has_pods,
                patches=[_NOWHERE],
            )
            status = rewriting(
                f"{operator.plural}-status",
                [rule(operator.group, [f"{operator.plural}/status"], ["UPDATE"], operator.version)],
                when=operator.lie_when,
                patches=[operator.lie],
            )
            found.append(Applied(objects=(*pods, *status)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoGarbageCollector:
    """Nobody deletes what the deleted owned."""

    def inject(self, lab: Lab) -> None:
        """Start the controller manager without its garbage collector."""
        lab.restart(_MANAGER, ["--controllers=*,-garbage-collector-controller"])
        lab.await_healthy(_MANAGER)

    def revert(self, lab: Lab) -> None:
        """Start it as it was."""
        lab.restart(_MANAGER)
        lab.await_healthy(_MANAGER)
