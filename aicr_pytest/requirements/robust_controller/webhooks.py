"""Admission webhooks: which belong to an operator, and what they say of an object."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import (
    MUTATING_WEBHOOKS,
    SERVICE,
    VALIDATING_WEBHOOKS,
    Kind,
    Object,
)
from aicr_pytest.cluster.label_selectors import selects
from aicr_pytest.cluster.refusals import excuse_of
from aicr_pytest.cluster.responsibility import unanswered
from aicr_pytest.errors import ApiError, ApiUnreachable
from aicr_pytest.urls import bare_urls

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

# Written by apiserver's admission/plugin/webhook; the API's message has them, kubectl's text not.
_DENIED = re.compile(
    r'admission (webhook "[^"]+") denied the request'
    r"|([Vv]alidatingAdmissionPolicy '[^']+')(?: with binding \S+)? denied request"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook that the API server asks when a custom resource is created."""

    name: str
    """As denials name it, e.g. ``vraycluster.kb.io``."""
    configuration: str
    """Kind and name of its configuration."""
    failure_policy: str
    """``Fail``, or ``Ignore``: whether objects pass while it does not answer."""
    asks: str
    """Whom the API server asks: ``namespace/service``, or a URL."""
    own: bool
    """Whether the operator's own pods stand behind the service."""

    def __str__(self) -> str:
        return f"{self.name} (asks {self.asks}, failurePolicy {self.failure_policy})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API server says to an object that is offered by dry run."""

    admitted: bool
    text: str = ""
    """Its words, verbatim; empty where it admits the object."""
    denied_by: str = ""
    """Who denied it, e.g. ``webhook "vraycluster.kb.io"``; empty for the API server itself."""
    unanswered_by: str = ""
    """Who gave no answer, named alike, for which the object was refused; empty: nobody."""


def offer(cluster: "Cluster", obj: Object) -> Answer:
    """Offer an object by dry run.

    Raises:
        AccessDenied: the API server refuses us, and not the object.
        Inconclusive: a quota refuses it, whatever is in it.
    """
    try:
        cluster.create(obj, dry_run=True)
    except ApiError as error:
        denied_by = denier(error.message)
        if not denied_by and (excuse := excuse_of(error)):
            raise excuse from error
        return Answer(admitted=False, text=str(error), denied_by=denied_by)
    except ApiUnreachable as error:
        # The API server answers 500 for a webhook that it cannot reach, which is no fault of its.
        if not (webhook := unanswered(str(error))):
            raise
        return Answer(admitted=False, text=str(error), unanswered_by=f'webhook "{webhook}"')
    return Answer(admitted=True)


def denier(message: str) -> str:
    """Who denied an object by the API server's words; empty where it was neither."""
    denied = _DENIED.search(message)
    return (denied[1] or denied[2]) if denied else ""


def webhooks_for(
    cluster: "Cluster", resource: Kind, controllers: Sequence[Object]
) -> list[Webhook]:
    """The webhooks that are asked about a new resource, those of the operator first."""
    found = [
        _webhook(cluster, kind, configuration, webhook, controllers)
        for kind in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)
        for configuration in cluster.list(kind)
        for webhook in configuration.get("webhooks") or ()
        if concerns(webhook, resource)
    ]
    return sorted(found, key=lambda webhook: not webhook.own)


def concerns(webhook: Object, resource: Kind) -> bool:
    """Whether rules of a webhook name the creation of a kind.

    Unless they are to match exactly, the API server converts objects to a version that they name.
    """
    exact = webhook.get("matchPolicy") == "Exact"
    return any(
        _names(rule.get("apiGroups"), resource.group)
        and (not exact or _names(rule.get("apiVersions"), resource.version))
        and _names(rule.get("resources"), resource.plural, "*/*")
        and _names(rule.get("operations"), "CREATE")
        for rule in webhook.get("rules") or ()
    )


def stands_before(selector: Mapping[str, str], workloads: Iterable[Object]) -> bool:
    """Whether a Service's selector chooses pods of one of these workloads."""
    templates = (obj["spec"]["template"]["metadata"].get("labels") or {} for obj in workloads)
    return bool(selector) and any(selects({"matchLabels": selector}, one) for one in templates)


def _names(listed: Sequence[str] | None, *wanted: str) -> bool:
    return not {"*", *wanted}.isdisjoint(listed or ())


def _webhook(
    cluster: "Cluster",
    kind: Kind,
    configuration: Object,
    webhook: Object,
    controllers: Sequence[Object],
) -> Webhook:
    service = webhook["clientConfig"].get("service") or {}
    named = f"{service.get('namespace')}/{service.get('name')}"
    return Webhook(
        name=webhook["name"],
        configuration=f"{kind.name} {configuration['metadata']['name']}",
        failure_policy=webhook.get("failurePolicy", "Fail"),
        asks=named if service else bare_urls(webhook["clientConfig"].get("url", "nobody")),
        own=bool(service) and _stands_before(cluster, service, controllers),
    )


def _stands_before(cluster: "Cluster", service: Object, controllers: Sequence[Object]) -> bool:
    namespace = service["namespace"]
    found = cluster.find(SERVICE, service["name"], namespace)
    there = [obj for obj in controllers if obj["metadata"]["namespace"] == namespace]
    return found is not None and stands_before(found["spec"].get("selector") or {}, there)


def listed(webhooks: Iterable[Webhook]) -> str:
    """Webhooks in one line, for messages."""
    return "; ".join(map(str, webhooks)) or "none"
