"""Pods that hold accelerators, or must not: what was granted, what is seen, what can be reached."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from aicr_pytest.accelerators import grants, releases, sights
from aicr_pytest.accelerators.grants import Grant
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.probe import (
    DeviceNode,
    OpenAttempt,
    View,
    open_command,
    parse_open_attempts,
    parse_view,
    probe_command,
)
from aicr_pytest.accelerators.request import reserved_for, results_of
from aicr_pytest.cluster import admission, pod_state, responsibility
from aicr_pytest.cluster.kinds import POD, RESOURCE_CLAIM, Object
from aicr_pytest.cluster.pod_state import images_of
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiUnreachable,
    DoesNotApply,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    ProbeFailed,
    WaitFailed,
    WaitTimeout,
)
from aicr_pytest.once import Once

if TYPE_CHECKING:
    from aicr_pytest.cluster.observer import Execution
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.evidence.record import Observation


class AcceleratorPod:
    """One pod on one accelerator node, seen from inside and from the API.

    Args:
        must_start: a pod that does not start accuses the platform; else there is nothing to look
            into, which accuses nobody.
        not_as_root: why it does not run as root, though it was meant to; empty: it runs as meant.
    """

    def __init__(
        self,
        pod: "Pod",
        on: AcceleratorNode,
        *,
        claims: Callable[[str], Object],
        evidence: Callable[[], "CheckEvidence"],
        must_start: bool,
        not_as_root: str = "",
    ) -> None:
        self.pod = pod
        self._not_as_root = not_as_root
        self._must_start = must_start
        self._ready = Once(
            pod.ready,
            final=(WaitFailed, WaitTimeout, Inconclusive),
            passing=(NoCapacity, ApiUnreachable, AccessDenied),
        )
        self.on = on
        self._claim = claims
        self._evidence = evidence
        self._views: dict[str, View] = {}
        self._newest: dict[str, View] = {}
        self._seen_in: dict[str, list[Observation]] = {}

    def __str__(self) -> str:
        return f"{self.on.name}: pod {self.pod.namespace}/{self.pod.name}"

    @cached_property
    def running(self) -> Object:
        """The pod once it is ready, on the node that it was meant for."""
        self.see_that_it_is_as_sent()
        self._start()
        found: Object = self.pod.object()
        self._evidence().yaml(
            f"Pod {self.pod.name}",
            found,
            source=POD.request("GET", self.pod.namespace, self.pod.name),
        )
        self._evidence().images(images_of(found))
        if (actual := found["spec"].get("nodeName")) != self.on.name:
            raise ProbeFailed(f"{self} runs on {actual}: isolation is proved only on one node.")
        self._evidence().looked_at(actual, f"by pods of {self.pod.namespace}")
        return found

    def leave_out(self, why: AicrError, node: str = "") -> None:
        """Note that nothing was seen on its node, or on another one, while others are judged."""
        self._evidence().not_looked_at(node or self.on.name, str(why))

    def see_that_it_is_as_sent(self, also: Sequence[str] = ()) -> None:
        """Note what was changed on admission.

        Args:
            also: further fields that are judged, as patterns of `admission.touching`.

        Raises:
            PolicyRefused: somebody changed what is judged, e.g. how it asks for accelerators.
        """
        changes = self.pod.changes()
        if not changes:
            return
        told = "; ".join(map(str, changes))
        self._evidence().fact(f"pod {self.pod.name} was changed on admission", told)
        if decisive := admission.touching(changes, [*self._judged(), *also]):
            raise PolicyRefused(
                f"{self} is not as it was sent: {'; '.join(map(str, decisive))}",
                hint="Exempt namespaces aicr-* from who changes pods; see the webhooks and policies"
                " of admissionregistration.k8s.io.",
            )

    def _judged(self) -> list[str]:
        """Fields by which a pod gets accelerators."""
        vendor = self.on.extended_resource.partition("/")[0]
        variables = (f"*ontainers[*].env[{name}]**" for name in self.on.profile.environment_bypass)
        return [
            f"*ontainers[*].resources.limits.{vendor}/*",
            "*ontainers[*].resources.claims**",
            "resourceClaims**",
            "runtimeClassName",
            *admission.OPENING_DEVICES,
            *variables,
        ]

    def _start(self) -> None:
        try:
            self._ready()
        except (WaitFailed, WaitTimeout) as error:
            if self._must_start:
                raise
            raise ProbeFailed(f"There is nothing to look into: {error}") from error

    @property
    def evidence(self) -> "CheckEvidence":
        """Of the check that runs."""
        return self._evidence()

    def asking_containers(self) -> list[str]:
        """Names of the containers that were created with a request for accelerators."""
        resource = self.on.extended_resource
        asked = ((c["name"], c.get("resources", {})) for c in self.pod.sent["spec"]["containers"])
        return [name for name, r in asked if r.get("claims") or resource in r.get("limits", {})]

    @property
    def asks_for_nothing(self) -> bool:
        """Whether it was created without a request for accelerators."""
        return not self.asking_containers()

    def first_container(self) -> str:
        """The first container that we sent; the one meant where none is named."""
        return self.pod.container or str(self.running["spec"]["containers"][0]["name"])

    def _spec_of(self, container: str) -> Object:
        named = (c for c in self.running["spec"]["containers"] if c["name"] == container)
        if (found := next(named, None)) is None:
            raise PolicyRefused(f"{self} has no container {container} any more.")
        return dict(found)

    def view(self, container: str = "", *, known_majors: frozenset[int] = frozenset()) -> View:
        """What a container sees; looked at once."""
        container = container or self.first_container()
        if container not in self._views:
            self._views[container] = self.look_again(container, known_majors=known_majors)
        else:
            for observation in self._seen_in[container]:
                self._evidence().cite(observation)
        return self._views[container]

    def look_again(
        self, container: str = "", *, known_majors: frozenset[int] = frozenset()
    ) -> View:
        """What a container sees now."""
        container = container or self.first_container()
        ran, seen = self._run(probe_command(self.on.profile), container, f"What {container} sees")
        view = parse_view(self.on.profile, ran, known_majors=known_majors)
        self._newest[container] = view
        self._seen_in[container] = [seen]
        if view.screen:
            screen = self._evidence().text(
                f"{self.on.profile.tool} in pod {self.pod.name}, container {container}",
                view.screen,
                source=f"{view.tool}, run by the probe above",
            )
            self._seen_in[container].append(screen)
        return view

    def held(self, container: str = "") -> tuple[str, ...]:
        """Identities of the devices that a container sees, sorted; never empty.

        Raises:
            ProbeFailed: the vendor's tool cannot tell them.
        """
        view = self.view(container)
        if not view.listed:
            raise ProbeFailed(
                f"{self}: which devices it sees cannot be read: "
                f"{view.trouble_with(self.on.profile.tool)}"
            )
        return tuple(sorted(view.listed))

    def tell_held(self, container: str = "") -> tuple[str, ...]:
        """As ``held``, and a line of the evidence."""
        held = self.held(container)
        where = f"{self.pod.name}, container {container or self.first_container()}"
        self._evidence().fact(f"{where}, sees on {self.on.name}", ", ".join(held))
        return held

    def show_held_beside(self, other: "AcceleratorPod", held: Sequence[set[str]]) -> None:
        """Put what the other and this one hold at the same time into the evidence."""
        pods = zip((other.pod.name, self.pod.name), held, strict=True)
        tool = self.on.profile.tool
        sights.show_held(self._evidence(), list(pods), node=self.on.name, tool=tool)

    def reach(self, node: DeviceNode, whose: str, container: str = "") -> OpenAttempt:
        """Make a device node with these numbers in a container and try to open it."""
        return self.reach_all([node], whose, container)[0]

    def reach_all(
        self, nodes: Sequence[DeviceNode], whose: str, container: str = ""
    ) -> list[OpenAttempt]:
        """As ``reach``, of several at once."""
        container = container or self.first_container()
        ran, _ = self._run(open_command(*nodes), container, f"Reaching for {whose}")
        return parse_open_attempts(ran, len(nodes))

    def _run(
        self, command: tuple[str, ...], container: str, title: str
    ) -> "tuple[Execution, Observation]":
        assert self.running
        if self._not_as_root:
            where = f"{self.on.name} as root, in pod {self.pod.name}"
            self._evidence().not_looked_at(where, self._not_as_root)
        ran = self.pod.run(*command, container=container)
        return ran, self._evidence().execution(ran, f"{title} in pod {self.pod.name}")

    def grant(self, container: str = "") -> Grant:
        """What the API says that a container was given.

        Raises:
            ProbeFailed: the API does not say.
        """
        container = container or self.first_container()
        spec = self._spec_of(container)
        if names := grants.claim_requests(self.running, spec):
            return self._from_claims(names)
        where = f"{self.pod.namespace}/{self.pod.name}"
        return grants.counted(self.on, self.running, spec, where)

    def _request_of(self, claim: str) -> str:
        kind = self.pod.cluster.spoken(RESOURCE_CLAIM)
        return kind.request("GET", self.pod.namespace, claim)

    def _from_claims(self, names: list[tuple[str, str]]) -> Grant:
        published = {device.key: device for device in self.on.devices}
        devices, identities = [], []
        for name, request in names:
            claim = self._claim(name)
            self._evidence().yaml(
                f"ResourceClaim {name}",
                claim,
                source=self._request_of(name),
            )
            for result in results_of(claim, request):
                device = published.get((result["driver"], result["pool"], result["device"]))
                identities.append(device.identity if device else f"unpublished {result['device']}")
                devices += [device] if device else []
        by = ", ".join(f"ResourceClaim {self.pod.namespace}/{name}" for name, _ in names)
        return grants.of_devices(self.on, identities, devices, by)

    def mismatches(self, container: str = "") -> list[str]:
        """In what a container sees other than it was given, as sentences; empty where it agrees.

        Raises:
            ProbeFailed: the device nodes agree in number, but identities cannot be read.
        """
        container = container or self.first_container()
        grant, view = self.grant(container), self.view(container)
        sights.show_chain(
            self._evidence(),
            grant,
            seen=view.listed,
            who=f"container {container} of pod {self.pod.name}",
            source=f"ResourceSlices of {self.on.name}; {grant.by}; {self.on.profile.tool} inside",
        )
        return self.judge(container, grant, view)

    def judge(self, container: str, grant: Grant, view: View) -> list[str]:
        """As ``mismatches``, of what was looked at before."""
        where, sharing = f"{self}, container {container} was given {grant}", self.on.profile.sharing
        if view.told and grant.told and not grants.is_compared(grant, view.listed, sharing):
            told = f"{', '.join(grant.told)} and {', '.join(view.listed) or 'nothing'}"
            self._evidence().fact("ids of different forms", f"{told}: only their number is judged")
        found = grants.differences(grant, view, sharing)
        if not view.told and not found and grant.count:
            raise ProbeFailed(
                f"{where}, and {len(view.units)} device nodes are there, but which "
                f"devices they are cannot be read: {view.trouble_with(self.on.profile.tool)}",
                hint=f"The platform usually mounts {self.on.profile.tool} with the device.",
            )
        return [f"{where}, {told}" for told in found]

    def why_shared(self, identity: str = "") -> str:
        """Why another pod may rightly have the same device; empty where none may.

        Args:
            identity: of the device, as the vendor's tool lists it; empty: not known.

        Raises:
            ProbeFailed: nothing tells whether devices are shared on purpose.
        """
        if self.asks_for_nothing:
            return ""
        grant = self.grant()
        if not grant.is_told and grant.unit == "device":
            raise ProbeFailed(
                f"{self} has a device that another pod has, too, and nothing tells whether the "
                f"device plugin of {self.on.name} shares devices on purpose.",
                hint="Label the node as GPU feature discovery does, with the number of its devices;"
                " from Kubernetes 1.36 on kubelet tells it by itself.",
            )
        return grants.why_shared(grant, identity, self.on)

    def foreign_devices_opened(self, victim: "AcceleratorPod", container: str = "") -> list[str]:
        """Devices of another pod on this node that this one can open, as sentences.

        Args:
            victim: the other one; this one itself where another container of it reaches.
            container: who reaches: one that asked for nothing; the first where none is named.

        The device node is made with mknod on purpose, so that hiding the file is not enough. Where
        mknod itself is refused (no CAP_MKNOD), what is visible decides.

        Raises:
            DoesNotApply: all are devices that both have rightly, since they are shared.
            ProbeFailed: the victim cannot open its *own* device so: a refusal proves nothing.
        """
        theirs, parts = victim.view().reachable, victim.view().parts
        if not theirs and not victim.asks_for_nothing:
            raise ProbeFailed(f"{victim} holds an accelerator and sees none: nothing to reach for.")
        majors = frozenset(node.major for node in theirs)
        view = self.view(container, known_majors=majors)
        own = {node.numbers for node in (*view.reachable, *view.parts)}
        found, rows = [], []
        me = f"{self}, container {container}" if container else f"{self}"
        looker = self.looker(container)
        both = not (
            container or victim.asks_for_nothing or own.isdisjoint(n.numbers for n in theirs)
        )
        why = self.why_shared() if both else ""
        if why and not parts and all(node.numbers in own for node in theirs):
            raise DoesNotApply(why)
        for node in (*theirs, *parts):
            if node.numbers in own and why and node not in parts:
                self._evidence().fact(f"{node.path} of both", why)
                continue
            if node.numbers in own:
                found.append(f"{me} sees {node.path} of {victim}")
                rows.append(looker.sight(node, "denied", "visible", sights.IN_DEV))
                continue
            twin = victim.reach(node, "its own device")
            if twin.mknod_refused:
                self._evidence().fact("mknod", f"refused: {twin.message}; what is visible decides")
                rows.append(looker.sight(node, "denied", "denied", twin.told))
                continue
            seen = "denied" if twin.refused else "own"
            rows.append(victim.looker().sight(node, "own", seen, twin.told))
            if twin.refused:
                sights.show(self._evidence(), rows)
                raise ProbeFailed(
                    f"{victim} cannot open its own {node.path} by a node made with mknod "
                    f"({twin.message}), so that a refusal elsewhere proves nothing."
                )
            attempt = self.reach(node, f"the device of {victim.pod.name}", container)
            seen = "opened" if attempt.reached else "denied"
            rows.append(looker.sight(node, "denied", seen, attempt.told))
            if attempt.reached:
                found.append(
                    f"{me} can open {node.path} of {victim} by mknod {node.major}:{node.minor} "
                    f"({attempt})"
                )
        sights.show(self._evidence(), rows)
        return found

    def unallocated_access(self) -> list[str]:
        """Why granted devices are not on the API's books, as sentences; empty where they are."""
        grant = self.grant()
        sights.show_ways(self._evidence(), str(self), self.running["spec"], grant)
        if claims := grants.claim_requests(self.running, self._spec_of(self.first_container())):
            return [
                f"{self}: claim {name} is not reserved for it"
                for name, _ in claims
                if self.pod.uid not in reserved_for(self._claim(name))
            ]
        if not grant.told:
            gave = "nothing" if grant.admitted is None else f"{grant.admitted}, and no ids"
            self._evidence().fact(f"what kubelet tells of {self.pod.name}", gave)
        seen = len(self.view().units) if grant.admitted is not None else 0
        return grants.off_the_books(grant, seen, str(self), self.on.extended_resource)

    def release(self) -> float:
        """Delete the pod gracefully and wait until its devices are free again.

        Returns:
            Seconds from the deletion until no claim of it is allocated any more.
        """
        return releases.release(self.pod)

    def stays_pending(self, seconds: float) -> str:
        """The scheduler's reason, after so many seconds in which the pod got no node.

        Raises:
            Inconclusive: it is not for its devices that it stays pending, and it holds none of
                them, which proves nothing.
        """
        self.see_that_it_is_as_sent()
        reason = self.pod.pending_reason()
        reason = self.pod.stays_pending(seconds) or reason
        self._evidence().text(
            f"Why pod {self.pod.name} stays pending",
            reason,
            source=f"watch of pod {self.pod.namespace}/{self.pod.name} and its events",
        )
        asked = pod_state.extended_resources(self.pod.sent)
        finding = responsibility.of_pending(self.pod.object(), reason, asked=asked)
        excuse = finding.excuse_unless_accusing(f"{self} stays pending, and not for devices")
        # What is given to a pod that waits is a fault, whatever it waits for.
        if excuse and not self.allocated():
            raise excuse
        return reason

    def allocated(self) -> list[str]:
        """Devices that claims of this pod hold, as sentences."""
        found = []
        for use in self.pod.object()["spec"].get("resourceClaims", ()):
            if not (name := use.get("resourceClaimName")):
                continue
            claim = self._claim(name)
            self._evidence().yaml(
                f"ResourceClaim {name}",
                claim,
                source=self._request_of(name),
            )
            for result in (
                (claim.get("status", {}).get("allocation") or {})
                .get("devices", {})
                .get("results", ())
            ):
                found.append(f"{self}: claim {name} holds {result['pool']}/{result['device']}")
        return found

    def visible_devices(
        self,
        container: str = "",
        *,
        known_majors: frozenset[int] = frozenset(),
        twin: "AcceleratorPod | None" = None,
    ) -> list[str]:
        """Accelerators that a container sees though it was given none, as sentences.

        Args:
            container: the first one where none is named.
            known_majors: major numbers by which a hidden node is recognised.
            twin: the pod on this node that sees its own meanwhile.
        """
        container = container or self.first_container()
        view = self.look_again(container, known_majors=known_majors)
        if twin is not None:
            theirs = twin._newest[twin.first_container()]
            looked = sights.beside(self.looker(container), view, twin.looker(), theirs)
            sights.show(self._evidence(), looked)
        if view.asks_by:
            name = f"{self.pod.name}, {container}, asks by its variables"
            self._evidence().fact(name, ", ".join(view.asks_by))
        if not (found := (*view.reachable, *view.parts)):
            return []
        paths = ", ".join(node.path for node in found)
        told = f"{self}, container {container} asked for nothing and sees {paths}"
        remedy = self.on.profile.environment_remedy
        return [f"{told}\n  Where the runtime honours variables: {remedy}" if remedy else told]

    def looker(self, container: str = "") -> sights.Looker:
        """A container of it, as the evidence has who looks."""
        name = self.pod.name
        return sights.Looker(
            who=name if container in ("", self.first_container()) else f"{name}, {container}",
            node=self.on.name,
            source=f"probe in pod {self.pod.namespace}/{name}",
        )
