"""The client: the API's verbs on raw objects, with timeouts, retries and our own errors."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import answers, containers, dra_versions, kinds, labels, paging, streams
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.kubeconfig import choose
from aicr_pytest.cluster.ledger import Ledger
from aicr_pytest.cluster.messages import Request, Response, RetryPolicy, Tries
from aicr_pytest.cluster.observer import Execution, Observer, Unobserved
from aicr_pytest.cluster.refusals import Answer
from aicr_pytest.cluster.served_kinds import ServedKinds
from aicr_pytest.cluster.watching import Change, Following, Listing, Subject
from aicr_pytest.errors import ApiError, ApiUnreachable

if TYPE_CHECKING:
    # At run time only connect() imports it: it imports the kubernetes client, for a good second.
    from aicr_pytest.cluster.transport import Transport

Objects = list[Object]
"""A name of its own, since ``Cluster.list`` hides the type in the class below."""

FIELD_MANAGER = labels.MANAGER
_FIRST_ANSWER = 5.0
"""Seconds of one attempt at the API server's first answer."""
_MERGE_PATCH = "application/merge-patch+json"


class Cluster:
    """One cluster, as one user sees it; used from several threads."""

    def __init__(
        self,
        transport: "Transport",
        *,
        context: str,
        server: str,
        run_id: str,
        ledger: Ledger | None = None,
    ) -> None:
        self.context = context
        """Name of the kubeconfig's context; ``in-cluster`` inside a cluster."""
        self.server = server
        """URL of the API server."""
        self.run_id = run_id
        """Value of the label ``aicr-pytest/run`` on everything that this client creates."""
        self.labels: Mapping[str, str] = {}
        """Labels beside our own on everything that this client creates."""
        self.ledger = ledger or Ledger()
        """What this client has made and has not seen gone."""
        self.clock_ahead = 0
        """Seconds by which the API server's clock was ahead of ours when it was first asked."""
        self.verified = True
        """Whether its certificate is verified: not with ``insecure-skip-tls-verify``."""
        self._transport = transport
        self.list_all: paging.ListAll = paging.list_all
        self._version = ""
        self._kinds = ServedKinds(lambda path: self._ask("GET", path))

    @classmethod
    def connect(
        cls,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        run_id: str,
        observer: Observer | None = None,
        patience: RetryPolicy | None = None,
        clean: Callable[[str], str] = str,
        ledger: Ledger | None = None,
    ) -> "Cluster":
        """Connect as kubectl would, and see that somebody answers.

        Args:
            clean: takes secrets out of the words of a credential plugin.

        Raises:
            SettingsError: the kubeconfig is unreadable, has no such context, or wrong shapes.
            ApiUnreachable: the API server gives no answer.
            AccessDenied: it does not accept our credentials, or the plugin gives none.
        """
        from aicr_pytest.cluster import transport
        from aicr_pytest.cluster.connection import configure
        from aicr_pytest.cluster.credentials import credentials_of
        from aicr_pytest.cluster.identity import Identity

        observer = observer or Unobserved()
        target = choose(kubeconfig, context)
        credentials = credentials_of(target, observer.awaiting, clean=clean)
        configuration = configure(target, credentials)
        patience = patience or RetryPolicy()
        # A restart may fall into the first request as into any other; whoever has mistyped an
        # address is told all the while what is asked, and has an end in as long.
        at_first = dataclasses.replace(
            patience,
            read=min(patience.read, _FIRST_ANSWER),
            within=min(patience.within or patience.seconds, patience.seconds),
        )
        identity = Identity(credentials, target.user)
        link = transport.connect(configuration, identity, observer, at_first)
        for name, value in target.headers.items():
            link.api_client.set_default_header(name, value)
        cluster = cls(
            link,
            context=target.context,
            server=configuration.host,
            run_id=run_id,
            ledger=ledger,
        )
        cluster.verified = configuration.verify_ssl
        try:
            cluster.version()
        except ApiUnreachable as error:
            proxy = f" through the proxy {configuration.proxy}" if configuration.proxy else ""
            raise ApiUnreachable(
                f"{error}\n  Asked: {configuration.host}{proxy}, context {target.context}",
                hint="Choose another with --aicr-context or --aicr-kubeconfig.",
            ) from error
        link.patience = patience
        return cluster

    @property
    def observer(self) -> Observer:
        """Who is told about requests, executions and waits."""
        return self._transport.observer

    @property
    def patience(self) -> RetryPolicy:
        """How long the API server is asked again; a change counts for what is asked later."""
        return self._transport.patience

    @patience.setter
    def patience(self, patience: RetryPolicy) -> None:
        self._transport.patience = patience

    @property
    def api_client(self) -> Any:
        """The kubernetes client's ``ApiClient``: the way out for what this class lacks."""
        return self._transport.api_client

    def version(self) -> str:
        """The server's version, e.g. ``v1.37.2``; asked once."""
        if not self._version:
            response = self._ask("GET", "/version")
            self.clock_ahead = answers.seconds_ahead(response)
            self._version = answers.version_of(response)
        return self._version

    # -- kinds ---------------------------------------------------------------------------------

    def kind_of(self, obj: Object) -> Kind:
        """The kind of an object; the server is asked about kinds that the table lacks."""
        return self.kind(obj["apiVersion"], obj["kind"])

    def kind(self, api_version: str, name: str) -> Kind:
        """A kind by ``apiVersion`` and name.

        Raises:
            ApiError: 404, the server does not serve it.
        """
        return self._kinds.kind(api_version, name)

    def spoken(self, kind: Kind) -> Kind:
        """A kind in the version by which the server is asked: a beta where it has no v1 of DRA."""
        return self._kinds.spoken(kind)

    def serves(self, group: str, version: str) -> list[str]:
        """Kinds that the server serves in this version of a group; none when it is not served."""
        return self._kinds.names(group, version)

    # -- reading -------------------------------------------------------------------------------

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object.

        Raises:
            ApiError: with status 404 when there is none.
        """
        return self._object(kind, self._ask("GET", self.spoken(kind).path(namespace, name)))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None when there is none or its kind is not served."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                self.ledger.gone(kind, name, namespace)
                return None
            raise

    def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Objects:
        """All objects of a kind that the selectors choose, in one namespace or in all."""
        subject = Subject(kind=kind, namespace=namespace, labels=labels, fields=fields)
        return self.listing(subject).items

    def listing(self, subject: Subject) -> Listing:
        """All objects of a subject, and the version from which a watch goes on."""
        asked = dataclasses.replace(subject, kind=self.spoken(subject.kind))
        return self.list_all(self._transport.request, asked, self._transport.patience)

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        name: str = "",
        labels: str = "",
        fields: str = "",
        timeout: float,
    ) -> Iterator[Change]:
        """What is there, as ``ADDED``, and then every change for ``timeout`` seconds.

        Goes on over drops and expired versions; what was missed meanwhile comes as changes.
        """
        deadline = time.monotonic() + timeout
        subject = Subject(kind=kind, namespace=namespace, name=name, labels=labels, fields=fields)
        with Following(self, [subject]) as following:
            for obj in list(following.views[0].values()):
                yield "ADDED", obj
            while (left := deadline - time.monotonic()) > 0:
                yield from following.changes(left)

    def stream(
        self, subject: Subject, query: Sequence[tuple[str, str]], *below: str, read_timeout: float
    ) -> Any:
        """An open answer that comes in lines: a watch, or a log, which is below an object."""
        path = self.spoken(subject.kind).path(subject.namespace, *below)
        return self._transport.stream(
            Request(method="GET", path=path, query=query, timeout=read_timeout)
        )

    # -- writing -------------------------------------------------------------------------------

    def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object with the run's labels on it and on what is made from it."""
        kind = self.kind_of(obj)
        ours = self.ours(obj)
        if dry_run:
            return self._create(kind, ours, dry_run=True)
        metadata = ours["metadata"]
        with self.ledger.making(kind, metadata.get("name", ""), metadata.get("namespace")):
            made = self._create(kind, ours, dry_run=False)
        if "name" not in metadata:  # the API server has made it up
            self.ledger.made(kind, made["metadata"]["name"], metadata.get("namespace"))
        return made

    def _create(self, kind: Kind, ours: Object, *, dry_run: bool) -> Object:
        metadata = ours["metadata"]
        tries = Tries()
        try:
            response = self._ask(
                "POST",
                self.spoken(kind).path(metadata.get("namespace")),
                query=[("fieldManager", FIELD_MANAGER), *_dry_run(dry_run)],
                body=self._kinds.written(ours),
                tries=tries,
            )
        except ApiError as error:
            # An attempt whose answer was lost may have created it.
            lost = tries.count > 1 and error.status == 409 and error.reason == "AlreadyExists"
            if lost and (name := metadata.get("name")):
                there = self.get(kind, name, metadata.get("namespace"))
                if labels.is_ours(there, self.run_id):
                    return there
            raise
        return self._object(kind, response, dry_run=dry_run)

    def apply(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create or change an object by server-side apply; we own what it names."""
        kind = self.kind_of(obj)
        ours = self.ours(obj)
        ours["metadata"].pop("managedFields", None)
        metadata = ours["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace")
        noted = contextlib.nullcontext() if dry_run else self.ledger.making(kind, name, namespace)
        with noted:
            response = self._ask(
                "PATCH",
                self.spoken(kind).path(namespace, name),
                query=[("fieldManager", FIELD_MANAGER), ("force", "true"), *_dry_run(dry_run)],
                body=self._kinds.written(ours),
                content_type="application/apply-patch+yaml",
            )
        return self._object(kind, response, dry_run=dry_run)

    def replace(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Replace an object by one that was read before; 409 when it has changed since."""
        kind = self.kind_of(obj)
        metadata = obj["metadata"]
        response = self._ask(
            "PUT",
            self.spoken(kind).path(metadata.get("namespace"), metadata["name"]),
            query=[("fieldManager", FIELD_MANAGER), *_dry_run(dry_run)],
            body=self._kinds.written(obj),
        )
        return self._object(kind, response, dry_run=dry_run)

    def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        patch: object,
        content_type: str = _MERGE_PATCH,
        *,
        subresource: str = "",
    ) -> Object:
        """Patch an object, by default with a merge patch."""
        response = self._ask(
            "PATCH",
            self.spoken(kind).path(namespace, name, subresource),
            query=[("fieldManager", FIELD_MANAGER)],
            body=patch,
            content_type=content_type,
        )
        return self._object(kind, response)

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        uid: str | None = None,
    ) -> None:
        """Ask for the deletion of an object; fine when it is gone, or is another one by now.

        Args:
            grace: seconds for a pod to end by itself; None for the pod's own.
            uid: delete only the object of this uid.

        Raises:
            ValueError: ``grace`` is 0. The API would forget the pod before kubelet has unprepared
                its devices, and a device would be lost.
        """
        if grace is not None and grace <= 0:
            raise ValueError(f"{kind.name} {name}: pods are deleted gracefully, never with 0 s.")
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid:
            options["preconditions"] = {"uid": uid}
        path = self.spoken(kind).path(namespace, name)
        try:
            response = self._ask("DELETE", path, body=options)
        except ApiError as error:
            another = uid and error.status == 409 and "uid" in error.message.lower()
            if error.status != 404 and not another:
                raise
        else:
            # Where something is waited for, grace or a finalizer, the object itself comes back.
            if not Answer.read(response.status, "", response.body).is_status:
                return
        self.ledger.gone(kind, name, namespace)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        tries: Tries | None = None,
    ) -> Response:
        request = Request(
            method=method,
            path=path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
        )
        return self._transport.request(request, tries)

    def ours(self, obj: Object) -> Object:
        """A copy with the labels that everything has which this client creates."""
        return labels.labelled(obj, labels.run_labels(self.run_id), self.labels)

    def _object(self, kind: Kind, response: Response, *, dry_run: bool = False) -> Object:
        stored = answers.is_stored(kind) and not dry_run
        return dra_versions.read(answers.object_of(response, stored=stored))

    # -- anything else -------------------------------------------------------------------------

    def can(
        self,
        verb: str,
        kind_or_resource: Kind | str,
        *,
        namespace: str = "",
        subresource: str = "",
        group: str = "",
    ) -> bool:
        """Whether we may do this, as the API server's access review says."""
        if isinstance(kind_or_resource, Kind):
            resource, group = kind_or_resource.plural, kind_or_resource.group
        else:
            resource = kind_or_resource
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = {
            "apiVersion": kinds.ACCESS_REVIEW.api_version,
            "kind": kinds.ACCESS_REVIEW.name,
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        }
        said = self._ask("POST", kinds.ACCESS_REVIEW.path(), body=review)
        return answers.is_allowed(said)

    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> Response:
        """Any request; the caller judges the status.

        Raises:
            AccessDenied: the API server refuses us.
            ApiUnreachable: no answer. 429 and 5xx count as none, but not behind a proxy path,
                where they may be the words of the service behind it.
        """
        return self._transport.answered(
            Request(
                method=method,
                path=path,
                query=query,
                body=body,
                content_type=content_type,
                accept=accept,
                timeout=timeout,
                most=self._transport.patience.limits.page,  # Prometheus may have much to tell
            )
        )

    def logs(
        self, pod: str, namespace: str, *, container: str = "", tail: int | None = None
    ) -> str:
        """What a container has written; the last ``tail`` lines, or all.

        A log beyond a few MiB is cut off, and says so at its end.
        """
        return containers.read_log(self._transport, pod, namespace, container=container, tail=tail)

    def exec(
        self,
        pod: str,
        namespace: str,
        command: Sequence[str],
        *,
        container: str = "",
        stdin: str = "",
        timeout: float = 30.0,
    ) -> Execution:
        """Run a command in a container, over a connection of its own.

        Raises:
            ProbeFailed: it did not end in time, or could not be run.
        """
        what = streams.Command(
            pod=pod,
            namespace=namespace,
            container=container,
            words=tuple(command),
            stdin=stdin,
        )
        return containers.execute(self._transport, what, timeout=timeout)

    @contextlib.contextmanager
    def port_forward(self, pod: str, namespace: str, port: int) -> Iterator[int]:
        """A local port that leads to a port of a pod, for as long as the context lasts."""
        with containers.forward(self._transport, pod, namespace, port) as local:
            yield local


def _dry_run(wanted: bool) -> list[tuple[str, str]]:
    return [("dryRun", "All")] if wanted else []
