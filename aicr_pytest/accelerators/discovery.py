"""Asks the cluster for its accelerators, once per run for the plan and again for what is free."""

import contextlib
import functools
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.accelerators import device_taints
from aicr_pytest.accelerators.device_classes import class_for, selects
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.holdings import allocated_devices
from aicr_pytest.accelerators.inventory import (
    AcceleratorNode,
    Mechanism,
    alternatives,
    list_accelerator_nodes,
    one_offer_each,
    representatives,
)
from aicr_pytest.accelerators.nodes import allocatable, nothing_runs_on
from aicr_pytest.accelerators.other_vendors import unknown_drivers, unknown_vendors
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.publications import driver_signs, pool_faults
from aicr_pytest.accelerators.vendors import profiles
from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.kinds import (
    DEVICE_CLASS,
    DEVICE_TAINT_RULE,
    NAMESPACE,
    NODE,
    POD,
    RESOURCE_CLAIM,
    RESOURCE_SLICE,
    RUNTIME_CLASS,
    Kind,
    Object,
)
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.served import is_served
from aicr_pytest.errors import (
    AccessDenied,
    ApiError,
    DoesNotApply,
    Inconclusive,
    NoAccelerators,
    NoCapacity,
    UnknownAccelerator,
    WaitTimeout,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.pod_start import WhyPending
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.settings import Settings


_FEW = 20
"""Nodes that are asked for one by one; of more, all are."""
_OTHERS = "See to the node, or choose other nodes with --aicr-nodes."


class Accelerators:
    """The accelerators of the cluster under test (fixture ``aicr_accelerators``)."""

    def __init__(
        self,
        cluster: "Cluster",
        *,
        allocation: str = "auto",
        nodes: str = "",
        tolerations: Sequence[Object] = (),
        preferred: Collection[str] = (),
    ) -> None:
        self._cluster = cluster
        self._allocation = allocation
        self._nodes = nodes
        self._preferred = preferred
        self.named = bool(nodes)
        """Whether the user has said by ``--aicr-nodes`` which nodes are meant."""
        self.tolerations = tuple(tolerations)
        self._stock: list[AcceleratorNode] | None = None
        self.undescribed: list[str] = []
        """Accelerators that the last look saw beside and passed over, as ``node: name``."""

    @property
    def stock(self) -> list[AcceleratorNode]:
        """All accelerator nodes as they were when the run first looked."""
        if self._stock is None:
            self._stock = self.look()
        return self._stock

    def look(self) -> list[AcceleratorNode]:
        """All accelerator nodes now.

        Raises:
            UnknownAccelerator: only accelerators that no profile describes.
            NoAccelerators: none at all.
        """
        nodes, world = self._nodes_and_slices()
        world |= self._takers(self._cluster.list(POD))
        known = profiles()
        for profile in known:
            if stock := list_accelerator_nodes(
                profile, nodes=nodes, allocation=self._allocation, **world
            ):
                self.undescribed = unknown_vendors(nodes, [profile], world["slices"])
                return stock
        if unknown := unknown_vendors(nodes, known, world["slices"]):
            raise UnknownAccelerator(
                f"No profile describes these accelerators: {'; '.join(unknown)}. "
                f"Described are: {', '.join(profile.vendor for profile in known)}."
            )
        raise NoAccelerators(
            f"None of {len(nodes)} nodes offers an accelerator"
            + ("" if self._allocation == "auto" else f" by {self._allocation}")
            + f": no ResourceSlice of {', '.join(p.driver for p in known)} and no allocatable "
            f"{', '.join(p.extended_resource for p in known)}{_of_their_domains(known, nodes)}.",
            hint="Check that the vendor's driver runs: kubectl get resourceslices,nodes -o wide",
        )

    def _takers(self, pods: Sequence[Object]) -> dict[str, Any]:
        """Who has accelerators: claims and pods, and the namespaces whose are ours."""
        return {
            "claims": self._cluster.list(RESOURCE_CLAIM) if self._serves_dra else [],
            "pods": pods,
            "ours": {
                namespace["metadata"]["name"]
                for namespace in self._cluster.list(NAMESPACE, labels=labels.selector(None))
                if _is_of_a_run(namespace)
            },
        }

    @property
    def _serves_dra(self) -> bool:
        return is_served(self._cluster, RESOURCE_SLICE)

    def _nodes_and_slices(self) -> tuple[list[Object], dict[str, Any]]:
        """The nodes that run pods, and what is published beside the classes to ask by."""
        nodes = [node for node in self._cluster.list(NODE) if not nothing_runs_on(node)]
        return nodes, self._published()

    def _published(self) -> dict[str, Any]:
        classes = self._cluster.list(DEVICE_CLASS) if self._serves_dra else []
        return {
            "slices": self._slices(classes) if self._serves_dra else [],
            "classes": classes,
        }

    def _slices(self, classes: list[Object]) -> list[Object]:
        """ResourceSlices, with the taints of DeviceTaintRules where they are served to us."""
        slices, rules = self._cluster.list(RESOURCE_SLICE), self._taint_rules
        if rules is None:
            return slices
        # Who may not see them is told by the scheduler, later.
        with contextlib.suppress(AccessDenied, ApiError):
            return device_taints.with_rules(slices, self._cluster.list(rules), classes)
        return slices

    @functools.cached_property
    def _taint_rules(self) -> Kind | None:
        """The kind of DeviceTaintRules, in the version that is served; None where none is."""
        group, name = DEVICE_TAINT_RULE.group, DEVICE_TAINT_RULE.name
        served = (v for v in device_taints.VERSIONS if name in self._cluster.serves(group, v))
        version = next(served, None)
        return DEVICE_TAINT_RULE.at(version) if version else None

    def sample_nodes(self, *mechanisms: Mechanism, once: bool = False) -> list[AcceleratorNode]:
        """The nodes that checks look at: one of each kind, or those of ``--aicr-nodes``.

        Args:
            mechanisms: only nodes that hand out accelerators by one of these; all where empty.
            once: each node once, also where it offers by claims and by counts.

        Raises:
            DoesNotApply: there are accelerators, but none by these mechanisms.
            Inconclusive: none by claims, though a driver is there that should publish devices.
            UnknownAccelerator: none by claims but those that no profile describes.
            NoCapacity: none is usable.
        """
        stock = one_offer_each(self.stock) if once else self.stock
        fitting = [n for n in stock if not mechanisms or n.mechanism in mechanisms]
        if not fitting:
            if "dra" in mechanisms:
                self._see_that_no_driver_is_there()
            raise DoesNotApply(
                f"No accelerator node hands out devices by {' or '.join(mechanisms)}: "
                + "; ".join(str(node) for node in self.stock)
            )
        chosen = (
            self._widened(fitting) if self._nodes else representatives(fitting, self._preferred)
        )
        if not chosen:
            hindered = "; ".join(
                f"{node.name} is {node.hindrance or 'not named'}" for node in fitting
            )
            raise NoCapacity(
                f"No accelerator node can be looked at: {hindered}", hint=_OTHERS, held=False
            )
        return chosen

    def samples(self, *mechanisms: Mechanism, once: bool = False) -> list[list[AcceleratorNode]]:
        """As ``sample_nodes``, and what may be looked at in its place while others are there.

        What the user has named is looked at, and nothing else.
        """
        chosen = self.sample_nodes(*mechanisms, once=once)
        return [chosen] if self._nodes else alternatives(self.stock, chosen)

    def _see_that_no_driver_is_there(self) -> None:
        """Go on only where no DRA driver of accelerators is there: there is none to be tried.

        Raises:
            Inconclusive: the vendor's is, and publishes no device that can be claimed.
            UnknownAccelerator: another vendor's publishes devices.
        """
        nodes, world = self._nodes_and_slices()
        profile = self.stock[0].profile
        signs = driver_signs(profile, nodes=nodes, pods=self._cluster.list(POD), **world)
        if signs:
            by = "" if self._allocation == "auto" else f" (--aicr-allocation {self._allocation})"
            raise Inconclusive(
                f"No device of {profile.driver} can be claimed{by}, though it is there: "
                f"{'; '.join(signs)}.",
                hint="See why it publishes none: kubectl get resourceslices,pods -A -o wide; or "
                "remove what is left of it.",
            )
        if strange := unknown_drivers(nodes, [profile], world["slices"]):
            raise UnknownAccelerator(
                f"Devices are published that are not {profile.vendor}'s, and nobody looks at them: "
                f"{'; '.join(strange)}."
            )

    def _widened(self, nodes: list[AcceleratorNode]) -> list[AcceleratorNode]:
        usable = [node for node in nodes if not node.hindrance]
        if self._nodes == "all":
            return usable
        named = {n["metadata"]["name"] for n in self._cluster.list(NODE, labels=self._nodes)}
        return [node for node in usable if node.name in named]

    def _asked_by(self, node: AcceleratorNode) -> str:
        """How the accelerators of a node are published and asked for, in a sentence."""
        if node.mechanism == "device-plugin":
            return f"{node.name} has {node.total} {node.extended_resource} allocatable."
        found = self._cluster.find(DEVICE_CLASS, node.device_class) or {}
        selectors = found.get("spec", {}).get("selectors", ())
        expressions = [item.get("cel", {}).get("expression", "") for item in selectors]
        faults = "; ".join(pool_faults(node.profile, [], self._cluster.list(RESOURCE_SLICE)))
        return (
            f"{node.total} devices are published; DeviceClass {node.device_class or '(none)'} "
            f"selects by {expressions}" + (f"; {faults}." if faults else ".")
        )

    def incomplete_publications(self, evidence: "CheckEvidence") -> list[str]:
        """What is wrong with the ResourceSlices of the accelerators' driver, as sentences."""
        nodes, slices = self._cluster.list(NODE), self._cluster.list(RESOURCE_SLICE)
        source = self._cluster.spoken(RESOURCE_SLICE).request()
        profile = self.stock[0].profile
        own = [item for item in slices if item["spec"]["driver"] == profile.driver]
        evidence.table(
            f"What {profile.driver} publishes",
            ("node", "pool", "slice", "generation", "slices of the pool", "devices"),
            [
                (
                    spec.get("nodeName", ""), spec["pool"]["name"], item["metadata"]["name"],
                    spec["pool"].get("generation", ""), spec["pool"].get("resourceSliceCount", ""),
                    len(spec.get("devices") or ()),
                )
                for item in own
                for spec in [item["spec"]]
            ],
            source=source,
        )  # fmt: skip
        evidence.yaml("ResourceSlices", {"items": own}, source=source)
        classes = [one for one in self._cluster.list(DEVICE_CLASS) if selects(one, profile.driver)]
        evidence.yaml(
            f"DeviceClasses by which {profile.driver} is asked",
            {"items": classes},
            source=self._cluster.spoken(DEVICE_CLASS).request(),
        )
        return pool_faults(profile, nodes, slices, self._cluster.list(POD))

    def extended(self, node: AcceleratorNode) -> bool:
        """Whether a DeviceClass lets pods ask a node's driver by the extended resource."""
        classes = self._cluster.list(DEVICE_CLASS)
        return bool(class_for(node.profile, classes, extended=True))

    def now(self, nodes: Sequence[AcceleratorNode]) -> list[AcceleratorNode]:
        """The same nodes as they are now: others may have held devices when we first looked.

        Only they are asked for, and pods on them: a cluster may have tens of thousands of others.
        """
        offers, names = {node.offer for node in nodes}, sorted({node.name for node in nodes})
        if len(names) > _FEW:
            return [node for node in self.look() if node.offer in offers]
        found = [self._cluster.find(NODE, name) for name in names]
        # Those that are promised a node after a preemption have none yet.
        pods = [
            pod
            for name in (*names, "")
            for pod in self._cluster.list(POD, fields=f"spec.nodeName={name}")
        ]
        world = self._published() | self._takers(pods)
        return [
            offer
            for profile in {node.profile.vendor: node.profile for node in nodes}.values()
            for offer in list_accelerator_nodes(
                profile,
                nodes=[node for node in found if node and not nothing_runs_on(node)],
                allocation=self._allocation,
                **world,
            )
            if offer.offer in offers
        ]

    def wanted_profile(self) -> Profile:
        """The profile of the cluster's accelerators; the first known one where it has none yet."""
        try:
            return self.stock[0].profile
        except NoAccelerators:
            return profiles()[0]

    def needs_runtime_class(self) -> None:
        """Go on only where the vendor's RuntimeClass is installed.

        Raises:
            DoesNotApply: it is not.
        """
        name = self.stock[0].profile.runtime_class
        if not name or self._cluster.find(RUNTIME_CLASS, name) is None:
            raise DoesNotApply(f"There is no RuntimeClass {name or 'of this vendor'}.")

    def environment_values(self) -> dict[str, Callable[[AcceleratorNode], str]]:
        """Placeholders of a manifest that asks by environment: the vendor's variables.

        Where a vendor has a single one, the second stands for none.
        """

        def pair(node: AcceleratorNode) -> list[tuple[str, str]]:
            variables = list(node.profile.environment_bypass.items())
            if not variables:
                raise DoesNotApply(f"No variable of {node.profile.vendor} gives devices.")
            return [*variables, ("AICR_NO_OTHER_VARIABLE", "")]

        return {
            "variable": lambda node: pair(node)[0][0],
            "value": lambda node: pair(node)[0][1],
            "capabilities_variable": lambda node: pair(node)[1][0],
            "capabilities_value": lambda node: pair(node)[1][1],
        }

    def directory_of_mounts(self, node: AcceleratorNode) -> str:
        """The directory whose mounts the vendor's runtime may read as a device list.

        Raises:
            DoesNotApply: it reads none.
        """
        if not node.profile.volume_mount_bypass:
            raise DoesNotApply(f"No mount is read as a list of {node.profile.vendor}'s devices.")
        return node.profile.volume_mount_bypass

    def why_pending(
        self, node: AcceleratorNode, count: int, *, only: Device | None = None
    ) -> "WhyPending":
        """A judge of a pending pod: somebody stands in the way, or the platform is responsible.

        Args:
            count: how many accelerators of the node it needs.
            only: the one device that it asks for; None: any will do.
        """

        def judge(pod: Object, finding: Finding) -> None:
            name, reason = pod["metadata"]["name"], finding.reason
            if finding.who == "policy":
                raise finding.excuse(f"Pod {name}")
            now = next(iter(self.now([node])), None)
            if now is None or now.hindrance:
                why = now.hindrance if now else "gone"
                raise NoCapacity(f"{node.name} is {why}: {reason}", hint=_OTHERS, held=False)
            if now.free < count:
                raise NoCapacity(
                    f"{name} needs {count} accelerators of {node.name}, "
                    f"{now.free} of {now.total} are free: {reason}",
                    hint="Free some, or choose other nodes with --aicr-nodes.",
                    # What is refused even where we hold nothing tells nothing of what we hold.
                    held=finding.accuses and now.capacity >= count,
                )
            if excuse := finding.excuse_unless_accusing(f"Pod {name} on {node.name}"):
                raise excuse
            if only and only.key not in {device.key for device in now.unallocated}:
                raise NoCapacity(
                    f"{name} asks for {only.name} of {node.name}, which "
                    f"{self._who_has(only, node)}: {reason}",
                    hint="Free it, or choose other nodes with --aicr-nodes.",
                )
            fitting = [one for one in now.unallocated if not only or one.key == only.key]
            doubts = [(one.name, why) for one in fitting if (why := one.doubt)]
            if doubts and len(fitting) - len(doubts) < count:
                told = "; ".join(f"{name} {why}" for name, why in doubts)
                raise NoCapacity(
                    f"{name} needs {count} accelerators of {node.name}, and only the scheduler can "
                    f"tell whether these can be had: {told}. It says: {reason}",
                    hint="Have the rule select by driver, pool and device; or --aicr-nodes.",
                )
            raise WaitTimeout(
                f"Pod {name} gets none of the {now.free} free accelerators of "
                f"{node.name}.\n  The scheduler says: {reason}\n  {self._asked_by(now)}"
            )

        return judge

    def _who_has(self, device: Device, node: AcceleratorNode) -> str:
        holder = allocated_devices(self._cluster.list(RESOURCE_CLAIM)).get(device.key)
        if holder:
            return f"ResourceClaim {holder} holds"
        offered = {one.key for found in self.now([node]) for one in found.devices}
        return "claims hold in part" if device.key in offered else "is not offered any more"


def _of_their_domains(known: Sequence[Profile], nodes: Sequence[Object]) -> str:
    """What nodes offer of the vendors beside; it may be for virtual machines, or be renamed."""
    domains = {profile.extended_resource.partition("/")[0] for profile in known}
    beside = sorted({r for n in nodes for r in allocatable(n) if r.partition("/")[0] in domains})
    return f", but {', '.join(beside)}, which no profile describes" if beside else ""


def _is_of_a_run(namespace: Object) -> bool:
    """Whether a run can have made it: what others label like ours is still theirs."""
    name = namespace["metadata"]["name"]
    return labels.is_ours(namespace) and names.is_namespace_of(labels.run_of(namespace), name)


def accelerators_for(
    cluster: "Cluster", settings: "Settings", preferred: Collection[str] = ()
) -> Accelerators:
    """The accelerators of a cluster, looked at as the user's settings say.

    Args:
        preferred: nodes that another process of the run has chosen to be looked at.
    """
    return Accelerators(
        cluster,
        allocation=settings.allocation,
        nodes=settings.nodes,
        tolerations=[toleration.as_object() for toleration in settings.tolerations],
        preferred=preferred,
    )
