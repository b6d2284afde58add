"""The vendor's exporter: its pod on each accelerator node, found by the profile and asked."""

import contextlib
import threading
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode, one_offer_each
from aicr_pytest.accelerators.nodes import CORDONED
from aicr_pytest.accelerators.profile import ExporterProfile
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.cluster.pod_http import Answer, ask_pod
from aicr_pytest.errors import (
    EndpointSilent,
    InvalidExposition,
    NoAccelerators,
    ProbeFailed,
    SolutionAbsent,
    UnknownAccelerator,
    WaitTimeout,
)
from aicr_pytest.evidence.answers import reduce_exposition
from aicr_pytest.monitoring.exposition import is_blank, parse
from aicr_pytest.once import Once
from aicr_pytest.requirements.accelerator_metrics.readings import (
    Exposed,
    Offered,
    coverage_faults,
)
from aicr_pytest.requirements.accelerator_metrics.signs import SIGNS
from aicr_pytest.requirements.signs import image_name, images_in

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.evidence.record import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The metrics endpoint of one exporter pod."""

    pod: str
    """Name of the pod."""
    namespace: str
    """Namespace of the pod."""
    node: str
    """Node that it runs on; empty while it has none."""
    port: int
    """Port of the endpoint."""
    ready: bool
    """Whether the pod was Ready when it was found; others are waited for."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}"


class Exporters:
    """The exporter pods of all accelerator nodes, and what they answer.

    Every node counts, not only those where workloads are tried: asking holds no accelerator, and
    one pod says nothing of another node.

    Args:
        namespace: where the platform's exporter is; None: wherever it is.
    """

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        accelerators: "Accelerators",
        evidence: Callable[[], "CheckEvidence"],
        namespace: str | None = None,
    ) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._accelerators = accelerators
        self._evidence = evidence
        self._namespace = namespace
        self._endpoints: list[Endpoint] | None = None
        self._looking = threading.Lock()  # the first check asks for several nodes at the same time
        self._answers: dict[Endpoint, tuple[Answer, Observation]] = {}
        self._asked: dict[Endpoint, Once[tuple[Answer, Observation]]] = {}
        self._in_use: dict[str, list[Endpoint]] = {}

    @property
    def profile(self) -> ExporterProfile:
        """How the vendor's exporter is read.

        Raises:
            UnknownAccelerator: no exporter of this vendor is described.
        """
        vendor = self._accelerators.stock[0].profile
        if vendor.exporter is None:
            raise UnknownAccelerator(f"No metrics exporter of {vendor.vendor} is described.")
        return vendor.exporter

    def nodes(self) -> list[AcceleratorNode]:
        """Every accelerator node on which an exporter can be expected.

        Where one is not Ready, or its state keeps new pods away, daemons may be missing rightly.
        """
        return one_offer_each(
            [n for n in self._accelerators.stock if n.hindrance in ("", CORDONED)]
        )

    def offered(self, node: AcceleratorNode) -> Offered:
        """What a node offers, as Kubernetes knows it.

        Parts have identities of their own there, and numbers within their device in an exporter.
        """
        compared = self.profile.as_published and node.unit != "partition"
        return Offered(
            node=node.name,
            identities=frozenset(device.identity for device in node.devices if compared),
            count=node.whole_devices,
            parts_apart=node.unit == "device" and bool(node.beside),
            told=bool(node.told_by),
            parts=node.parts,
        )

    def endpoints(self) -> list[Endpoint]:
        """The exporter's pods that live, wherever they run; looked for until every node has one.

        Raises:
            SolutionAbsent: there is none.
            UnknownSolution: there is none that is known, and signs of another one.
            ProbeFailed: there are several, and which one is the platform's cannot be told.
        """
        with self._looking:
            if self._endpoints is None:
                self._endpoints = self._await_endpoints()
            return self._endpoints

    def _await_endpoints(self) -> list[Endpoint]:
        nodes = {node.name for node in self.nodes()}
        last: list[Endpoint] = []

        def bare() -> set[str]:
            last[:] = self._listed()
            return nodes - {endpoint.node for endpoint in last}

        # Which nodes stay without is judged by the checks.
        with contextlib.suppress(WaitTimeout):
            self._waiter.poll(
                f"{self.profile.name} on every accelerator node",
                bare,
                until=lambda missing: not missing,
                describe=lambda missing: f"none on {', '.join(sorted(missing))}",
                timeout=self._waiter.deadlines.exporter_placed,
            )
        return last

    def _listed(self) -> list[Endpoint]:
        pods: dict[tuple[str, str], Object] = {}
        for selector in self.profile.selectors:
            for pod in self._cluster.list(POD, self._namespace, labels=selector):
                if _lives(pod):
                    pods[pod["metadata"]["namespace"], pod["metadata"]["name"]] = pod
        if not pods and self._namespace:  # the user's word; managed ones have labels of their own
            for pod in self._cluster.list(POD, self._namespace):
                if _is_called(self.profile.name, pod) and _lives(pod):
                    pods[pod["metadata"]["namespace"], pod["metadata"]["name"]] = pod
        if not pods:
            SIGNS.refuse(self._cluster)
            where = f"namespace {self._namespace}" if self._namespace else "any namespace"
            raise SolutionAbsent(
                f"There is no metrics exporter: no pod of {self.profile.name} in {where}. "
                f"Looked for pods with {' or '.join(self.profile.selectors)}."
            )
        nodes = {node.name for node in self.nodes()}
        return [
            self._endpoint(pod)
            for pod in platforms_own([pod for _, pod in sorted(pods.items())], nodes)
        ]

    def _endpoint(self, pod: Object) -> Endpoint:
        ports = [
            port
            for container in pod["spec"]["containers"]
            for port in container.get("ports") or ()
            if port.get("name") in self.profile.port_names
        ]
        return Endpoint(
            pod=pod["metadata"]["name"],
            namespace=pod["metadata"]["namespace"],
            node=pod_state.node_of(pod),
            port=ports[0]["containerPort"] if ports else self.profile.port,
            ready=pod_state.is_ready(pod),
        )

    def on(self, node: str) -> list[Endpoint]:
        """The endpoints of one node, those that were Ready first."""
        there = [endpoint for endpoint in self.endpoints() if endpoint.node == node]
        return sorted(there, key=lambda endpoint: not endpoint.ready)

    def exposed(self, node: str) -> list[Exposed]:
        """What the exporter of a node answered at the first look, parsed.

        Of several the first counts that shows all that the node offers, whatever the others do;
        where none does, all of them count together.

        Raises:
            InvalidExposition: one answers something else than metrics.
            WaitTimeout: one is not Ready, or does not answer.
            ProbeFailed: one does not let us in.
        """
        endpoints, found = self.on(node), []
        troubles: list[InvalidExposition | WaitTimeout | ProbeFailed] = []
        for endpoint in endpoints:
            try:
                answer, observation = self._first(endpoint)
                self._evidence().cite(observation)
                said = _parsed(endpoint, answer)
            except (InvalidExposition, WaitTimeout, ProbeFailed) as error:
                troubles.append(error)
                continue
            if len(endpoints) > 1 and self._is_whole(node, said):
                self._in_use[node] = [endpoint]
                self._evidence().fact(f"exporter of {node}", f"{endpoint}, one of {len(endpoints)}")
                return [said]
            found.append(said)
        if troubles:  # what nobody could look at may be whole
            raise min(troubles, key=lambda error: not isinstance(error, ProbeFailed))
        return found

    def _is_whole(self, name: str, said: Exposed) -> bool:
        offering = [self.offered(node) for node in self.nodes() if node.name == name]
        return not any(coverage_faults(self.profile, offered, [said]) for offered in offering)

    def exposed_now(self, node: str) -> list[Exposed]:
        """What they answer now; kept by whoever asks.

        Raises:
            EndpointSilent: one does not answer.
            InvalidExposition: one answers something else than metrics.
        """
        endpoints = self.on(node)
        if len(endpoints) > 1 and node not in self._in_use:
            self.exposed(node)
        asked = self._in_use.get(node, endpoints)
        return [_parsed(endpoint, self._ask(endpoint)) for endpoint in asked]

    def gather(self, look: Callable[[AcceleratorNode], list[str]]) -> list[str]:
        """What a look at every node finds, several at a time; never of no node.

        What is found on one node is told, even where another lets nobody look.
        """
        nodes = self.nodes()
        for node in one_offer_each(self._accelerators.stock):
            if node.hindrance not in ("", CORDONED):
                self._evidence().not_looked_at(node.name, f"it is {node.hindrance}")
        if not nodes:
            raise NoAccelerators(
                "No accelerator node is Ready for pods, so that no exporter can be asked.",
                hint="See why: kubectl get nodes",
            )
        blind: list[ProbeFailed] = []

        def look_or_not(node: AcceleratorNode) -> list[str]:
            try:
                return look(node)
            except ProbeFailed as error:
                blind.append(error)
                return []

        with ThreadPoolExecutor(max_workers=8) as threads:
            found = [sentence for those in threads.map(look_or_not, nodes) for sentence in those]
        if blind and not found:
            raise blind[0]
        return found

    def invalid(self) -> list[str]:
        """Answers that are not what they claim to be, as sentences."""

        def look(node: AcceleratorNode) -> list[str]:
            try:
                self.exposed(node.name)
            except InvalidExposition as error:
                return [str(error)]
            return []

        return self.gather(look)

    def claimed_types(self) -> dict[str, str]:
        """Pod → the content type that its answer claims."""
        return {
            str(endpoint): answer.content_type for endpoint, (answer, _) in self._answers.items()
        }

    def _first(self, endpoint: Endpoint) -> "tuple[Answer, Observation]":
        if endpoint not in self._asked:
            self._asked[endpoint] = Once(lambda: self._await_answer(endpoint), final=(WaitTimeout,))
        self._answers[endpoint] = answer = self._asked[endpoint]()
        return answer

    def _await_answer(self, endpoint: Endpoint) -> "tuple[Answer, Observation]":
        self._await_ready(endpoint)
        answer = self._waiter.poll(
            f"pod {endpoint}: an answer at port {endpoint.port}",
            lambda: self._ask(endpoint),
            until=lambda one: bool(_guard(one)) or (one.status == 200 and not is_blank(one.text)),
            describe=lambda one: f"HTTP {one.status}: {one.text[:100]!r}",
            timeout=self._waiter.deadlines.endpoint_answers,
            tolerate=(EndpointSilent,),
        )
        if guard := _guard(answer):
            raise ProbeFailed(
                f"{self.profile.name} on {endpoint.node}, pod {endpoint}, is guarded: {guard}.",
                hint="Let its port be asked as the monitoring system asks it, without credentials, "
                "while the checks run.",
            )
        told = reduce_exposition(answer.text)
        observation = self._evidence().text(
            f"What {self.profile.name} exposes on {endpoint.node}",
            f"HTTP {answer.status}, Content-Type: {answer.content_type}\n\n{told}",
            source=answer.source,
        )
        return answer, observation

    def _await_ready(self, endpoint: Endpoint) -> None:
        self._waiter.for_object(
            f"exporter pod {endpoint} on {endpoint.node or 'no node'}: ready",
            POD,
            endpoint.pod,
            endpoint.namespace,
            until=pod_state.is_ready,
            describe=lambda pod: pod_state.line(pod, []),
            timeout=self._waiter.deadlines.image_pull + self._waiter.deadlines.pod_ready,
        )

    def _ask(self, endpoint: Endpoint) -> Answer:
        return ask_pod(
            self._cluster, endpoint.pod, endpoint.namespace, endpoint.port, self.profile.path
        )


def _guard(answer: Answer) -> str:
    """What keeps us from an exporter that others may be let in to; empty where nothing does."""
    if answer.status in (401, 403):
        return f"it answers HTTP {answer.status} to whoever brings no credentials"
    return "it speaks TLS only" if answer.status == 400 and "HTTPS" in answer.text else ""


def _is_called(name: str, pod: Object) -> bool:
    """Whether a pod, or an image that it runs, is called so, by a prefix or suffix of others."""
    names = [pod["metadata"]["name"], *map(image_name, images_in(pod))]
    return any(name in one for one in names)


def _lives(pod: Object) -> bool:
    going = pod["metadata"].get("deletionTimestamp")
    return not going and pod_state.phase(pod) not in ("Succeeded", "Failed")


def platforms_own(pods: Sequence[Object], nodes: Set[str]) -> list[Object]:
    """Of the pods that carry the exporter's label, those of the platform: anybody sets a label.

    An exporter of every node is made by a DaemonSet, or by kubelet from a file; beside such a one
    other pods under its label are somebody else's. Of several in one namespace one is enough.

    Args:
        nodes: names of the accelerator nodes.

    Raises:
        ProbeFailed: such pods are in several namespaces, so that they are of several hands.
    """
    per_node = [pod for pod in pods if _owner(pod)[0] in ("DaemonSet", "Node")]
    places = {
        pod["metadata"]["namespace"]: _owner(pod)[1]
        for pod in per_node
        if pod_state.node_of(pod) in nodes
    }
    if len(places) > 1:
        told = ", ".join(f"{place}/{name}" for place, name in sorted(places.items()))
        raise ProbeFailed(
            f"Which exporter is the platform's cannot be told, there are several: {told}.",
            hint="Say in which namespace it is: --aicr-exporter NAMESPACE.",
        )
    if places:
        return [pod for pod in per_node if pod["metadata"]["namespace"] in places]
    return per_node or list(pods)


def _owner(pod: Object) -> tuple[str, str]:
    """Kind and name of the controller that made a pod; empty where none did."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return next(((o["kind"], o["name"]) for o in owners if o.get("controller")), ("", ""))


def _parsed(endpoint: Endpoint, answer: Answer) -> Exposed:
    if is_blank(answer.text):  # it has just been started again
        raise EndpointSilent(f"{endpoint.node}, pod {endpoint}: it answers no sample")
    try:
        exposition = parse(answer.text, answer.content_type)
    except InvalidExposition as error:
        raise InvalidExposition(f"{endpoint.node}, pod {endpoint}: {error}") from error
    return Exposed(
        node=endpoint.node,
        pod=str(endpoint),
        exposition=exposition,
        answered_at=answer.said_at,
    )
