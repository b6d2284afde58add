"""The namespace of one test module, with everything in it."""

import contextlib
import copy
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from aicr_pytest.cluster import labels, responsibility, restraint
from aicr_pytest.cluster.kinds import (
    CONFIG_MAP,
    KUEUE_WORKLOAD,
    NAMESPACE,
    POD,
    PRIORITY_CLASS,
    SERVICE_ACCOUNT,
    Kind,
    Object,
    full_name,
)
from aicr_pytest.cluster.names import namespace_name
from aicr_pytest.cluster.pod_start import WhyPending
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.refusals import excuse_of, policies_told
from aicr_pytest.cluster.teardown import Teardown
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    ProbeFailed,
    WaitTimeout,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_EVERYWHERE = frozenset({"", "apps"})
"""API groups whose objects of ours are ordinary, so that whoever refuses them has a policy."""

PodSecurity = Literal["restricted", "baseline", "privileged"]


class Workspace:
    """A namespace of ours; ``open`` makes it, ``close`` takes it down in the safe order.

    Register ``close`` before calling ``open``: it copes with whatever was made so far.

    Args:
        module: name of the test module, for the namespace's name.
        psa: Pod Security level that the namespace enforces.
        keep: asked at the end; True leaves everything where it is.
        labels: further labels of the namespace.
        token: makes the name unique among workers that run the same module.
        priority_class: of our pods, one that never preempts; None: one is made with the first pod.
    """

    def __init__(
        self,
        cluster: "Cluster",
        waiter: Waiter,
        *,
        run_id: str,
        module: str,
        psa: PodSecurity,
        keep: Callable[[], bool],
        labels: Mapping[str, str] | None = None,
        token: str | None = None,
        priority_class: str | None = None,
    ) -> None:
        self.cluster = cluster
        self.waiter = waiter
        self.namespace = namespace_name(run_id, module, token or secrets.token_hex(2))
        """Name of the namespace."""
        self._psa = psa
        self._keep = keep
        self._labels = dict(labels or {})
        self._kinds: set[Kind] = set()
        self._cluster_scoped: list[tuple[Kind, str]] = []
        self._uid = ""
        self._made: set[str] = set()
        self._closed = False
        self._named_class = priority_class
        self._class = ""
        self._users_are_given = False
        self._making_class = threading.Lock()

    def open(self) -> "Workspace":
        """Make the namespace, and wait until pods can be made in it.

        Raises:
            Inconclusive: a policy lets us make none, or it does not become usable.
        """
        metadata = {
            "name": self.namespace,
            "labels": {**self._labels, "pod-security.kubernetes.io/enforce": self._psa},
        }
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        made = self._once_known(lambda: self.cluster.create(namespace), NAMESPACE)
        self._uid = made["metadata"]["uid"]
        what = f"Namespace {self.namespace}: usable"

        def judge(views: Views) -> bool | None:
            return True if all(views) else None

        def describe(views: Views) -> str:
            account, certificate = ("there" if view else "missing" for view in views)
            return f"service account default: {account}, ConfigMap kube-root-ca.crt: {certificate}"

        def expired(views: Views) -> None:
            raise responsibility.of_slow_start(describe(views)).excuse(what)

        # A pod without its service account is refused; one without the certificate starts late.
        self.waiter.until(
            what,
            [
                Subject(kind=SERVICE_ACCOUNT, namespace=self.namespace, name="default"),
                Subject(kind=CONFIG_MAP, namespace=self.namespace, name="kube-root-ca.crt"),
            ],
            judge=judge,
            describe=describe,
            timeout=self.waiter.deadlines.namespace_usable,
            expired=expired,
        )
        return self

    def apply(self, objects: list[Object], *, as_answered: bool = False) -> list[Object]:
        """Create or change objects: here, or in the whole cluster where their kind says so.

        Args:
            as_answered: a policy's refusal is raised as any answer is; whoever asks judges it.

        Raises:
            ApiError: 409 for an object of the whole cluster that somebody else has made.
            Inconclusive: the cluster's policy refuses one.
        """
        return [self._noted(self._apply(obj, as_answered)) for obj in objects]

    def pod(self, obj: Object, *, why_pending: WhyPending | None = None) -> Pod:
        """Create a pod here; it is not waited for.

        Raises:
            Inconclusive: it is refused, by whatever policy.
            AccessDenied: we may not see to it that it displaces nobody.
        """
        new = self._restrained(obj)
        new["metadata"]["namespace"] = self.namespace
        created = self._noted(self._once_known(lambda: self.cluster.create(new), POD))
        return Pod(self.cluster, self.waiter, created, sent=new, why_pending=why_pending)

    @property
    def closed(self) -> bool:
        """Whether everything has been taken down."""
        return self._closed

    @property
    def kept(self) -> bool:
        """Whether the user wants to keep what is in it."""
        return self._keep()

    def track(self, kind: Kind, name: str) -> None:
        """See to it that an object of the whole cluster, made otherwise, is gone at the end."""
        if (kind, name) not in self._cluster_scoped:
            self._cluster_scoped.append((kind, name))
            self.cluster.ledger.made(kind, name)

    def close(self, emptied: Callable[[], None] = lambda: None) -> None:
        """Take everything down, then see that it is gone; once it is, another call does nothing.

        Args:
            emptied: called once only the namespace itself stands, which takes a cluster seconds.

        Raises:
            LeftBehind: something stays; it names the object, its finalizers and the last event.
            ApiUnreachable: no answer.
        """
        if self._closed:
            return
        if self._keep():
            self.cluster.ledger.kept(self.namespace)
            return
        self._take_down(emptied)
        self._closed = True

    def _apply(self, obj: Object, as_answered: bool) -> Object:
        kind = self.cluster.kind_of(obj)
        new = self._restrained(obj)
        if kind.namespaced:
            new["metadata"]["namespace"] = self.namespace
            self._kinds.add(kind)
            return self._once_known(lambda: self.cluster.apply(new), kind, as_answered)
        name = new["metadata"]["name"]
        there = self.cluster.find(kind, name)
        if there and not labels.is_ours(there, self.cluster.run_id):
            message = f"{full_name(kind, name)} exists already and is not of this run"
            request = f"PATCH {kind.path(None, name)}"
            raise ApiError(409, "AlreadyExists", message, request=request)
        self.track(kind, name)  # before the action
        return self._once_known(lambda: self.cluster.apply(new), kind)

    def _noted(self, made: Object) -> Object:
        self._made.add(made["metadata"]["uid"])
        return made

    def _restrained(self, obj: Object) -> Object:
        if not restraint.needs_class(obj):
            return copy.deepcopy(obj)
        with self._making_class:
            if not self._class:
                self._users_are_given = self._sees_users_given()
                self._class = self._found_class() or self._made_class()
        return restraint.restrained(obj, self._class, users_are_given=self._users_are_given)

    def _sees_users_given(self) -> bool:
        try:
            return bool(self.cluster.serves(*restraint.USERS_BY_NAMESPACE))
        except ApiError:
            return True  # it is there, and what serves it is not

    def _found_class(self) -> str:
        """The user's PriorityClass; empty where none is named."""
        if self._named_class:
            found = self.cluster.find(PRIORITY_CLASS, self._named_class)
            if not found or found.get("preemptionPolicy") != restraint.NEVER:
                why = "there is none" if not found else "its preemptionPolicy is not Never"
                raise ProbeFailed(
                    f"--aicr-priority-class {self._named_class}: {why}; our pods would displace"
                    " others.",
                    hint="Name another, or leave it out: the run makes one.",
                )
        return self._named_class or ""

    def _made_class(self) -> str:
        self.track(PRIORITY_CLASS, self.namespace)  # before the action
        try:
            self.cluster.create(restraint.own_class(self.namespace))
        except AccessDenied as error:
            raise AccessDenied(
                f"Our pods must not displace others, and need a class that says so. {error}",
                hint="Or name one whose preemptionPolicy is Never: --aicr-priority-class NAME.",
            ) from error
        return self.namespace

    def _once_known(
        self, create: Callable[[], Object], kind: Kind, as_answered: bool = False
    ) -> Object:
        """Create what the API server may not take yet: it waits for a quota's status, an account.

        Each of several API servers hears of our PriorityClass later, too.

        Raises:
            Inconclusive: a policy refuses it; for a kind that every Kubernetes has, whatever does.
        """
        refused: list[ApiError] = []

        def attempt() -> Object:
            try:
                return create()
            except ApiError as error:
                finding = responsibility.of_answer(error.message)
                if finding and finding.who == "moment":
                    refused.append(error)
                    raise _NotYet(str(error)) from error
                raise

        told = policies_told(whatever=kind.group in _EVERYWHERE)
        with contextlib.nullcontext() if as_answered else told:
            try:
                return attempt()
            except _NotYet:
                pass
            try:
                return self.waiter.poll(
                    f"{kind.name} in {self.namespace}: taken by the API server",
                    attempt,
                    until=lambda _: True,
                    describe=lambda _: "it is",
                    timeout=self.waiter.deadlines.namespace_usable,
                    tolerate=(_NotYet,),
                )
            except WaitTimeout as error:
                raise (excuse_of(refused[-1]) or error) from error

    def _take_down(self, emptied: Callable[[], None]) -> None:
        teardown = Teardown(self.cluster, self.waiter, run=self.cluster.run_id)
        there = self.cluster.find(NAMESPACE, self.namespace)
        if there and self._is_made_here(there):
            teardown.namespace(
                self.namespace,
                uid=there["metadata"]["uid"],
                kinds=self._made_kinds(),
                made=self._made,
                emptied=emptied,
            )
        for kind, name in reversed(self._cluster_scoped):
            obj = self.cluster.find(kind, name)
            if obj and labels.is_ours(obj, self.cluster.run_id):
                teardown.object(kind, name, uid=obj["metadata"]["uid"])

    def _is_made_here(self, namespace: Object) -> bool:
        # By its labels only where the answer to its making was lost.
        if self._uid:
            return bool(namespace["metadata"]["uid"] == self._uid)
        return labels.is_ours(namespace, self.cluster.run_id)

    def _made_kinds(self) -> set[Kind]:
        # Workloads are made by Kueue itself, for what we put into a queue of it.
        workloads = {
            KUEUE_WORKLOAD.at(kind.version)
            for kind in self._kinds
            if kind.group == KUEUE_WORKLOAD.group
        }
        return self._kinds | workloads


class _NotYet(AicrError):
    """The API server that answered refuses for a reason that passes by itself."""
