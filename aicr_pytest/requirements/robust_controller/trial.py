"""One operator on trial: what it is seen to do."""

import contextlib
from collections.abc import Sequence
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
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.requirements.robust_controller import controllers
from aicr_pytest.requirements.robust_controller.custom_resource import CustomResource
from aicr_pytest.requirements.robust_controller.observed import (
    Children,
    Offer,
    Presence,
    Reconciled,
    Removal,
    Replacement,
    Survival,
    own,
)
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator
from aicr_pytest.requirements.robust_controller.webhooks import (
    Answer,
    Webhook,
    denier,
    offer,
    webhooks_for,
)
from aicr_pytest.requirements.solutions import Candidate

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform

_TWINS = Picture(
    kind="twins",
    parts={"name": "resource", "differs": "what sets it apart", "answer": "answer"},
)


class Trial:
    """Looks at one installed operator; each look gives what was seen."""

    def __init__(self, candidate: Candidate[Operator], platform: "Platform") -> None:
        self.operator = candidate.solution
        """The product."""
        self._platform = platform
        self._resources: dict[str, CustomResource] = {}
        self._companions_made = False
        self._answered: dict[bool, Offer] = {}

    def presence(self) -> Presence:
        """Its CRD, its controllers, and the webhooks that are asked about its resource."""
        operator, evidence = self.operator, self._platform.evidence
        resource = operator.resource
        crd = self._platform.cluster.get(CUSTOM_RESOURCE_DEFINITION, resource.resource)
        deployments = self._controllers()
        webhooks = self._webhooks(deployments)
        if operator.remark:
            evidence.fact(operator.product, operator.remark)
        self._show_definition(crd)
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
        waiter = self._platform.workspaces.at().waiter
        return Presence(
            product=operator.product,
            resource=resource.name,
            crd=resource.resource,
            established=str(pod_state.condition(crd, "Established").get("status")),
            unavailable=tuple(controllers.unavailable(waiter, deployments)),
            webhooks=tuple(webhooks),
        )

    def _show_definition(self, crd: Object) -> None:
        """The CRD as it is served, and the other kinds that its group has."""
        resource = self.operator.resource
        group, _, version = resource.api_version.partition("/")
        conditions = ("Established", "NamesAccepted")
        self._platform.evidence.table(
            f"Definition of {resource.name}",
            ("CRD", "versions served", *conditions, f"kinds of {resource.api_version}"),
            [
                (
                    resource.resource,
                    ", ".join(
                        one["name"]
                        for one in crd.get("spec", {}).get("versions", ())
                        if one.get("served")
                    ),
                    *(str(pod_state.condition(crd, one).get("status", "")) for one in conditions),
                    ", ".join(sorted(self._platform.cluster.serves(group, version))),
                )
            ],
            source=f"{CUSTOM_RESOURCE_DEFINITION.request('GET', None, resource.resource)}, "
            f"GET /apis/{resource.api_version}",
        )

    def offer_flawed(self) -> Offer:
        """The answer to a resource that nothing but the operator's rules finds wrong.

        Raises:
            PolicyRefused: a policy of the platform refuses it, whatever is wrong with it.
            Inconclusive: a webhook that is not the operator's gives no answer.
        """
        webhooks = self._webhooks(self._controllers())
        return self._told(self._offer(flawed=True), webhooks, flaw=self.operator.flaw)

    def offer_mended(self) -> Offer:
        """The answer to the same resource with that one field mended.

        Raises:
            PolicyRefused: a policy of the platform refuses it.
            Inconclusive: a webhook that is not the operator's gives no answer.
        """
        answer = self._offer(flawed=False)
        webhooks = [] if answer.admitted else self._webhooks(self._controllers())
        return self._told(answer, webhooks, flaw="")

    def reconciliation(self) -> Reconciled:
        """A resource's children once its status says that it is reconciled.

        Raises:
            WaitTimeout: it never says so.
        """
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
                lambda: self._reconciled(resource),
                until=lambda seen: not seen.because(),
                describe=Reconciled.because,
                timeout=waiter.deadlines.looked_again,
            )
        return self._reconciled(resource)

    def replacement(self) -> Replacement:
        """The child that comes instead of one that somebody deletes.

        Raises:
            WaitTimeout: none comes.
        """
        resource = self._resource("sound")
        resource.reconciled()
        before = resource.replaceable()
        lost = before[-1]
        instead = resource.replaces(lost, before)
        told = f"{instead['metadata']['name']} instead of {lost['metadata']['name']}"
        self._platform.evidence.fact("came back", told)
        return Replacement(
            lost=lost["metadata"]["uid"],
            before=frozenset(child["metadata"]["uid"] for child in before),
            instead=instead["metadata"]["uid"],
        )

    def removal(self) -> Removal:
        """What the operator made, once the resource is deleted.

        Raises:
            WaitTimeout: something stays.
        """
        resource = self._resource("sound")
        owned = sum(len(found) for _, found in resource.children())
        if owned:
            resource.delete()
        return Removal(name=str(resource), owned=owned, gone=resource.gone)

    def survival(self) -> Survival:
        """A resource that is reconciled though the controller's pods are deleted meanwhile.

        Raises:
            WaitTimeout: the controller does not run again, or the resource is not reconciled.
        """
        self._platform.settings.needs("disruption")
        deployments, product = self._controllers(), self.operator.product
        resource = self._resource("interrupted")
        deleted = controllers.delete_pods(self._platform.cluster, deployments)
        if not deleted:
            return Survival(product=product, deleted=(), reconciled=False)
        names = tuple(deleted.values())
        self._platform.evidence.fact("deleted", ", ".join(names))
        controllers.run_again(self._platform.workspaces.at().waiter, deployments, deleted)
        resource.reconciled()
        self._show(resource)
        return Survival(product=product, deleted=names, reconciled=True)

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
        obj = self._platform.cluster.ours(obj)  # as it is sent
        answer = offer(self._platform.cluster, obj)
        what = f"{'flawed' if flawed else 'mended'} {self.operator.resource.name}"
        request = self.operator.resource.request("POST", obj["metadata"]["namespace"])
        source = f"{request}?dryRun=All"
        evidence = self._platform.evidence
        evidence.yaml(f"The {what}", obj, source=source)
        evidence.text(f"Answer to the {what}", answer.text or "admitted", source=source)
        return answer

    def _told(self, answer: Answer, webhooks: Sequence[Webhook], *, flaw: str) -> Offer:
        """The answer to an offer, where it is one to this resource.

        Raises:
            PolicyRefused: who denies it denies the mended resource, too, and is not the operator.
            Inconclusive: somebody else's webhook gives no answer, to whatever resource.
        """
        offered = Offer(
            resource=self.operator.resource.name,
            flaw=flaw,
            product=self.operator.product,
            answer=answer,
            webhooks=tuple(webhooks),
        )
        self._answered[bool(flaw)] = offered
        self._show_twins()
        if answer.unanswered_by and answer.unanswered_by not in offered.own_webhooks:
            raise Inconclusive(
                f"{answer.unanswered_by} gives no answer, and is none of {offered.product}'s: "
                f"{answer.text}",
                hint="Let whom it asks answer, or exempt namespaces aicr-* from it.",
            )
        stranger = answer.denied_by and answer.denied_by not in offered.own_webhooks
        if stranger and self._offer(flawed=False).denied_by == answer.denied_by:
            raise _refused_by(answer.denied_by, self.operator, answer.text)
        return offered

    def _show_twins(self) -> None:
        """The answers to the flawed resource and to its mended twin, side by side."""
        rows = []
        for flawed, offered in sorted(self._answered.items(), reverse=True):
            own_webhook = "denied by the operator's own webhook"
            denied = f"denied by {offered.denied_by or 'no webhook'}"
            seen = own_webhook if offered.denied_by in offered.own_webhooks else denied
            rows.append(
                (
                    f"{'flawed' if flawed else 'mended'} {offered.resource}",
                    offered.flaw if flawed else "the same, with that one field mended",
                    own_webhook if flawed else "admitted",
                    "admitted" if offered.admitted else seen,
                    offered.answer.text.rpartition(": ")[2],
                )
            )
        self._platform.evidence.table(
            "Answers to the flawed resource and to its mended twin",
            ("resource", "what sets it apart", "expected", "answer", "last words"),
            rows,
            compare=("expected", "answer"),
            source="the dry runs kept beside this table",
            picture=_TWINS,
        )

    def _resource(self, name: str) -> CustomResource:
        if name not in self._resources:
            obj = self._rendered(name, flawed=False)
            try:
                made = CustomResource(self.operator, self._platform.workspaces.at(), obj)
            except ApiError as error:
                who = denier(error.message)
                if who and who not in own(self._webhooks(self._controllers())):
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

    def _reconciled(self, resource: CustomResource) -> Reconciled:
        return Reconciled(
            name=str(resource),
            status=self.operator.says(resource.object()),
            children=tuple(
                Children(
                    kind=child.kind.name,
                    wanted=child.count,
                    owned=len(found),
                    ready=sum(map(child.ready, found)),
                )
                for child, found in resource.children()
            ),
        )

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


def _refused_by(who: str, operator: Operator, text: str) -> PolicyRefused:
    return PolicyRefused(
        f"{who} refuses any {operator.resource.name} of ours: {text}",
        hint="Exempt namespaces aicr-* from this policy, or let it admit the resource.",
    )
