"""One operator on trial: what it is seen to do."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster import labels, pod_state
from aicr_pytest.cluster.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    MUTATING_WEBHOOKS,
    POD,
    VALIDATING_WEBHOOKS,
    Object,
)
from aicr_pytest.cluster.pod_state import images_of
from aicr_pytest.errors import ApiError, Inconclusive, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.robust_controller import controllers
from aicr_pytest.requirements.robust_controller.custom_resource import CustomResource
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator
from aicr_pytest.requirements.robust_controller.webhooks import (
    Answer,
    Webhook,
    denier,
    listed,
    offer,
    webhooks_for,
)
from aicr_pytest.requirements.solutions import Candidate

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform


class Trial:
    """Looks at one installed operator; each look gives what is wrong as sentences, or nothing."""

    def __init__(self, candidate: Candidate[Operator], platform: "Platform") -> None:
        self.operator = candidate.solution
        """The product."""
        self._platform = platform
        self._resources: dict[str, CustomResource] = {}
        self._companions_made = False

    def presence(self) -> list[str]:
        """Its CRD is established, its controller runs, and a webhook of its own is asked."""
        operator, evidence = self.operator, self._platform.evidence
        resource = operator.resource
        crd = self._platform.cluster.get(CUSTOM_RESOURCE_DEFINITION, resource.resource)
        deployments = self._controllers()
        webhooks = self._webhooks(deployments)
        evidence.yaml(
            f"Controller of {operator.product}",
            deployments,
            source=DEPLOYMENT.request(),
        )
        evidence.table(
            f"Webhooks asked about a new {resource.name}",
            ("webhook", "configuration", "asks", "failurePolicy", "the operator's own"),
            [
                (one.name, one.configuration, one.asks, one.failure_policy, one.own)
                for one in webhooks
            ],
            source=f"{MUTATING_WEBHOOKS.request()}, {VALIDATING_WEBHOOKS.request()}",
        )
        wrong = controllers.unavailable(self._platform.workspaces.at().waiter, deployments)
        if pod_state.condition(crd, "Established").get("status") != "True":
            wrong.append(f"CRD {resource.resource} is not established")
        if not any(webhook.own for webhook in webhooks):
            wrong.append(
                f"no webhook of {operator.product} is asked about a new {resource.name};"
                f" webhooks that are: {listed(webhooks)}"
            )
        return wrong

    def denial(self) -> list[str]:
        """Its own webhook denies a resource that nothing but its rules finds wrong."""
        webhooks = self._webhooks(self._controllers())
        own = _own(webhooks)
        what = f"a {self.operator.resource.name} {self.operator.flaw}"
        answer = self._offer(flawed=True)
        if answer.admitted:
            return [f"{what} is admitted; webhooks that are asked: {listed(webhooks)}"]
        if answer.unanswered_by:
            return [f"webhook {answer.unanswered_by} gives no answer to {what}: {answer.text}"]
        if answer.denied_by not in own:
            if answer.denied_by:
                self._refuse_for_others(answer, own)
            who = answer.denied_by or "no webhook"
            there = ", ".join(own) or "there is none"
            ours = f"one of {self.operator.product}'s own ({there})"
            return [f"{what} is refused by {who}, not by {ours}: {answer.text}"]
        return []

    def admission(self) -> list[str]:
        """The same resource with that one field mended is admitted."""
        answer = self._offer(flawed=False)
        if answer.admitted:
            return []
        if answer.denied_by:
            self._refuse_for_others(answer, _own(self._webhooks(self._controllers())))
        return [f"a {self.operator.resource.name} without a flaw is refused: {answer.text}"]

    def reconciliation(self) -> list[str]:
        """A resource gets its children, and they are ready when its status says so."""
        resource = self._resource("sound")
        try:
            resource.reconciled()
        except WaitTimeout as error:
            if only := controllers.watched_namespaces(self._controllers()):
                raise Inconclusive(
                    f"{self.operator.product} watches only: {', '.join(only)}.\n  {error}",
                    hint="Let it watch namespaces aicr-* too, or look at another operator.",
                ) from error
            raise
        finally:
            self._show(resource)
        # Read after the status: what it tells of was there before it, but for a probe that failed
        # just then.
        waiter = self._platform.workspaces.at().waiter
        with contextlib.suppress(WaitTimeout):
            waiter.poll(
                f"{resource}: children as its status tells",
                lambda: self._unready(resource),
                until=lambda wrong: not wrong,
                describe="; ".join,
                timeout=waiter.deadlines.looked_again,
            )
        return self._unready(resource)

    def replacement(self) -> list[str]:
        """A child that somebody deletes comes back."""
        resource = self._resource("sound")
        resource.reconciled()
        lost = resource.replaceable()[-1]
        instead = resource.replaces(lost)
        told = f"{instead['metadata']['name']} instead of {lost['metadata']['name']}"
        self._platform.evidence.fact("came back", told)
        return []

    def removal(self) -> list[str]:
        """Deleting the resource removes what the operator made for it."""
        resource = self._resource("sound")
        if not any(found for _, found in resource.children()):
            return [f"{resource} owns nothing, so that nothing could be seen to go"]
        resource.delete()
        return []

    def survival(self) -> list[str]:
        """A resource is reconciled though the controller's pods are deleted meanwhile."""
        self._platform.settings.needs("disruption")
        deployments = self._controllers()
        resource = self._resource("interrupted")
        deleted = controllers.delete_pods(self._platform.cluster, deployments)
        if not deleted:
            return [f"{self.operator.product} has no pod"]
        self._platform.evidence.fact("deleted", ", ".join(deleted.values()))
        controllers.run_again(self._platform.workspaces.at().waiter, deployments, deleted)
        resource.reconciled()
        self._show(resource)
        return []

    def left(self) -> list[CustomResource]:
        """Its resources that are to be removed before the workspace goes; none where it stays."""
        there = [resource for resource in self._resources.values() if not resource.gone]
        return [] if there and self._platform.workspaces.at().kept else there

    def _controllers(self) -> list[Object]:
        found = self.operator.controllers(self._platform.cluster)
        if not found:
            raise Inconclusive(
                f"{self.operator.product}: its CRD is there, but no Deployment whose name ends in"
                f" {' or '.join(self.operator.deployments)}, nor one that runs its image.",
                hint="A controller that runs outside the cluster cannot be looked at.",
            )
        # An older release may lie beside, scaled down; who has no pods at all is down.
        return [one for one in found if one["spec"].get("replicas", 1)] or found

    def _webhooks(self, deployments: list[Object]) -> list[Webhook]:
        return webhooks_for(self._platform.cluster, self.operator.resource, deployments)

    def _offer(self, *, flawed: bool) -> Answer:
        obj = self._rendered("offered", flawed=flawed)
        obj["metadata"]["namespace"] = self._platform.workspaces.at().namespace
        run_labels = labels.run_labels(self._platform.cluster.run_id)
        obj = labels.labelled(obj, run_labels)  # as it is sent
        answer = offer(self._platform.cluster, obj)
        what = f"{'flawed' if flawed else 'mended'} {self.operator.resource.name}"
        request = self.operator.resource.request("POST", obj["metadata"]["namespace"])
        source = f"{request}?dryRun=All"
        evidence = self._platform.evidence
        evidence.yaml(f"The {what}", obj, source=source)
        evidence.text(f"Answer to the {what}", answer.text or "admitted", source=source)
        return answer

    def _refuse_for_others(self, answer: Answer, own: Sequence[str]) -> None:
        """Raises where a policy of the platform refuses the resource, whatever is wrong with it.

        Raises:
            PolicyRefused: who denies the mended resource is not the operator.
        """
        if answer.denied_by in own:
            return
        if self._offer(flawed=False).denied_by == answer.denied_by:
            raise _refused_by(answer.denied_by, self.operator, answer.text)

    def _resource(self, name: str) -> CustomResource:
        if name not in self._resources:
            obj = self._rendered(name, flawed=False)
            try:
                made = CustomResource(self.operator, self._platform.workspaces.at(), obj)
            except ApiError as error:
                who = denier(error.message)
                if who and who not in _own(self._webhooks(self._controllers())):
                    raise _refused_by(who, self.operator, str(error)) from error
                raise
            self._resources[name] = made
        return self._resources[name]

    def _rendered(self, name: str, *, flawed: bool) -> Object:
        operator = self.operator
        if not operator.manifest:
            raise Inconclusive(
                f"{operator.product} is installed, and the suite has no resource to try it with.",
                hint="Nothing is said against it; an operator that can be tried would decide.",
            )
        values = operator.flawed if flawed else operator.sound
        *companions, obj = self._platform.workspaces.fill(
            operator.manifest, image=operator.image, name=name, **values
        )
        if companions and not self._companions_made:
            self._platform.workspaces.at().apply(companions)
            self._companions_made = True
        return obj

    def _unready(self, resource: CustomResource) -> list[str]:
        return [
            f"the status of {resource} says {self.operator.says(resource.object())}, but it owns"
            f" {len(found)} {child.kind.name} of {child.count}, of which"
            f" {sum(map(child.ready, found))} are ready"
            for child, found in resource.children()
            if sum(map(child.ready, found)) < child.count
        ]

    def _show(self, resource: CustomResource) -> None:
        evidence = self._platform.evidence
        evidence.yaml(str(resource), resource.object(), source=resource.request)
        owned = [(child, obj) for child, found in resource.children() for obj in found]
        evidence.table(
            f"What {resource} owns",
            ("kind", "name", "ready"),
            [(child.kind.name, obj["metadata"]["name"], child.ready(obj)) for child, obj in owned],
            source=", ".join(
                child.kind.request("GET", resource.namespace) for child, _ in resource.children()
            ),
        )
        ready = [obj for child, obj in owned if child.kind == POD and child.ready(obj)]
        # What was not made of a template of ours writes what it likes, and proves nothing.
        for pod in (obj for obj in ready if labels.is_ours(obj, self._platform.cluster.run_id)):
            metadata = pod["metadata"]
            evidence.images(images_of(pod))
            log = self._platform.cluster.logs(metadata["name"], metadata["namespace"], tail=10)
            request = POD.request("GET", metadata["namespace"], metadata["name"], "log")
            evidence.text(f"Log of pod {metadata['name']}", log, source=f"{request}?tailLines=10")


def _own(webhooks: Iterable[Webhook]) -> list[str]:
    """The operator's own webhooks as denials name them."""
    return sorted({f'webhook "{webhook.name}"' for webhook in webhooks if webhook.own})


def _refused_by(who: str, operator: Operator, text: str) -> PolicyRefused:
    return PolicyRefused(
        f"{who} refuses any {operator.resource.name} of ours: {text}",
        hint="Exempt namespaces aicr-* from this policy, or let it admit the resource.",
    )
