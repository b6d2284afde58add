"""What an operator was seen to do, and in what that falls short."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from aicr_pytest.requirements.robust_controller.webhooks import Answer, Webhook, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What there is of an operator."""

    product: str
    """The operator, as people call it."""
    resource: str
    """Kind of its custom resource."""
    crd: str
    """Name of that resource's CRD."""
    established: str
    """Status of the CRD's condition Established."""
    unavailable: tuple[str, ...]
    """Controllers that have no pod, nor get one."""
    webhooks: tuple[Webhook, ...]
    """Those that the API server asks about a new resource."""

    @property
    def own_webhooks(self) -> tuple[str, ...]:
        """Of them, the operator's own, as denials name them."""
        return own(self.webhooks)

    def because(self) -> str:
        """What is missing; empty where nothing is."""
        wrong = [f"{controller} has no pod that is available" for controller in self.unavailable]
        if self.established != "True":
            wrong.append(f"CRD {self.crd} is not established")
        if not self.own_webhooks:
            wrong.append(
                f"no webhook of {self.product} is asked about a new {self.resource};"
                f" webhooks that are: {listed(self.webhooks)}"
            )
        return "\n".join(wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A resource that was offered by dry run, and the API server's answer."""

    resource: str
    """Its kind."""
    flaw: str
    """What the operator's rules refuse in it; empty where it has no flaw."""
    product: str
    """The operator, as people call it."""
    answer: Answer
    """What came of it."""
    webhooks: tuple[Webhook, ...]
    """Those that the API server asks about a new resource."""

    @property
    def admitted(self) -> bool:
        """Whether it was."""
        return self.answer.admitted

    @property
    def denied_by(self) -> str:
        """Who denied it, e.g. ``webhook "v.kb.io"``; empty where no webhook and no policy did."""
        return self.answer.denied_by

    @property
    def own_webhooks(self) -> tuple[str, ...]:
        """The operator's own webhooks, as denials name them."""
        return own(self.webhooks)

    def because(self) -> str:
        """What came of it, in a sentence."""
        answer, what = self.answer, f"a {self.resource} {self.flaw or 'without a flaw'}"
        if answer.admitted:
            return f"{what} is admitted; webhooks that are asked: {listed(self.webhooks)}"
        if not self.flaw or answer.denied_by in self.own_webhooks:
            return f"{what} is refused: {answer.text}"
        if answer.unanswered_by:
            return f"{answer.unanswered_by} gives no answer to {what}: {answer.text}"
        there = ", ".join(self.own_webhooks) or "there is none"
        ours = f"one of {self.product}'s own ({there})"
        who = answer.denied_by or "no webhook"
        return f"{what} is refused by {who}, not by {ours}: {answer.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """What a resource owns of one kind."""

    kind: str
    """Of the objects."""
    wanted: int
    """How many of them the resource asks for."""
    owned: int
    """How many there are."""
    ready: int
    """How many of these do what they are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A resource that says that it is reconciled, and what it owns then."""

    name: str
    """The resource."""
    status: str
    """Its status in one line."""
    children: tuple[Children, ...]
    """What it owns, by kind."""

    @property
    def wanted(self) -> Counter[str]:
        """How many children there should be, by kind."""
        return Counter({child.kind: child.wanted for child in self.children})

    @property
    def ready(self) -> Counter[str]:
        """How many are there and ready, by kind."""
        return Counter({child.kind: child.ready for child in self.children})

    def because(self) -> str:
        """Of which kind there are too few; empty where all are there."""
        return "\n".join(
            f"the status of {self.name} says {self.status}, but it owns {child.owned} {child.kind}"
            f" of {child.wanted}, of which {child.ready} are ready"
            for child in self.children
            if child.ready < child.wanted
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A child that was deleted, and the one that took its place."""

    lost: str
    """Uid of the one that was deleted."""
    before: frozenset[str]
    """Uids of all that there were."""
    instead: str
    """Uid of the new one."""

    def because(self) -> str:
        """Which it is."""
        return f"{self.instead} is none that came instead of {self.lost}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A resource that was deleted, and what it owned."""

    name: str
    """The resource."""
    owned: int
    """Objects that it owned before."""
    gone: bool
    """Whether it is gone, and all of them are too."""

    def because(self) -> str:
        """What there was to see."""
        if not self.owned:
            return f"{self.name} owns nothing, so that nothing could be seen to go"
        return f"{self.name} owned {self.owned} objects, and {'all' if self.gone else 'not all'} go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """The pods of a controller that were deleted, and the resource that it had to reconcile."""

    product: str
    """The operator, as people call it."""
    deleted: tuple[str, ...]
    """Names of its pods."""
    reconciled: bool
    """Whether the resource was, by the pods that came after them."""

    def because(self) -> str:
        """What there was to see."""
        pods = ", ".join(self.deleted)
        return (
            f"the pods of {self.product} were deleted: {pods}"
            if pods
            else (f"{self.product} has no pod")
        )


def own(webhooks: Iterable[Webhook]) -> tuple[str, ...]:
    """The operator's own webhooks as denials name them."""
    return tuple(sorted({f'webhook "{webhook.name}"' for webhook in webhooks if webhook.own}))
