"""What platforms are like in the field, as labs of one line of options each: the table.

A row is a personality, with the right verdict of each requirement about accelerators. Add one, and
``test_personalities.py`` tries it healthy and with every defect below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aicr_lab.addons import catalogue
from aicr_lab.defects.by_requirement.accelerator_metrics import FOLLOW
from aicr_lab.defects.by_requirement.secure_accelerator_access import GRANTED, SIBLING
from aicr_lab.defects.injections.device_path import BrokenRuntime
from aicr_lab.defects.injections.exporters import LyingExporter
from aicr_lab.defects.injections.injection import Injection
from aicr_lab.options import LabOptions

ADDONS = catalogue.parse("accelerator-exporter,prometheus-adapter")
REQUIREMENTS = (
    "dra_support",
    "secure_accelerator_access",
    "gang_scheduling",
    "accelerator_metrics",
    "pod_autoscaling",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What the suite shall say of one requirement of a healthy platform."""

    verdict: str = "Implemented"
    because: tuple[str, ...] = ()
    """Regular expressions: what does not pass says one of them, and each of them is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """A kind of platform, all of whose software works."""

    name: str
    sentence: str
    """What it is, for readers of the table in docs/accelerators.md."""
    options: LabOptions
    """``ADDONS`` come with it."""
    right: Mapping[str, Right] = field(default_factory=dict)
    """By requirement, where not everything passes."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Names of broken things that nobody can see here → why."""

    @property
    def up(self) -> str:
        """The options that make it, as ``python -m aicr_lab up`` takes them."""
        usual = LabOptions().command_line().split(" --")
        words = f" {self.options.command_line()}".split(" --")
        return " ".join(
            f"--{word}" for word in words[1:] if word not in usual and f"--{word}" not in usual
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What is broken in every personality, and who shall see it."""

    name: str
    injection: Injection
    requirement: str
    check: str
    message: str
    """Regular expression of what the check says."""


BROKEN = (
    Broken(
        name="injects-all",
        injection=BrokenRuntime(mode="inject-all"),
        requirement="secure_accelerator_access",
        check=GRANTED,
        message="was given 1.* but its device nodes are: .*, ",
    ),
    Broken(
        name="injects-wrong",
        injection=BrokenRuntime(mode="wrong-device"),
        requirement="secure_accelerator_access",
        check=GRANTED,
        message=r"was given 1 \(.*\), but \S+ lists: ",
    ),
    Broken(
        name="sibling-gets-device",
        injection=BrokenRuntime(mode="sibling"),
        requirement="secure_accelerator_access",
        check=SIBLING,
        message="container sibling asked for nothing and sees ",
    ),
    Broken(
        name="exporter-static",
        injection=LyingExporter(word="static"),
        requirement="accelerator_metrics",
        check=FOLLOW,
        message="nothing runs on it, and the exporter shows 42%",
    ),
)

_NO_CLAIMS = Right(because=("No accelerator node hands out devices by dra",))
_NO_WHOLE = "No node hands out whole devices, or parts of them"
_SHARED = {
    "dra_support": _NO_CLAIMS,
    "secure_accelerator_access": Right(because=(_NO_WHOLE,)),
    "accelerator_metrics": Right(because=(_NO_WHOLE,)),
}
"""Of a share nobody is the only one: what is about devices held one by one does not apply."""
_NO_RUNTIME_OF_AMD = Right(
    because=("There is no RuntimeClass amd", "No mount is read as a list of amd's devices")
)
_ANY_PART = "which series is of it nothing tells"
_NO_METRIC_OF_PARTS = Right(
    verdict="Inconclusive",
    because=("By which metric pods with accelerators can be scaled is not seen",),
)

PERSONALITIES = (
    Personality(
        name="claims",
        sentence="Whole devices by NVIDIA's DRA driver",
        options=LabOptions(),
    ),
    Personality(
        name="device-plugin",
        sentence="Whole devices by NVIDIA's device plugin",
        options=LabOptions(allocation="device-plugin"),
        right={"dra_support": _NO_CLAIMS},
    ),
    Personality(
        name="both",
        sentence="DRA driver and device plugin on every node: the same devices offered twice",
        options=LabOptions(allocation="both"),
        right={"dra_support": Right(because=("offers devices twice: 8 by ResourceSlices",))},
    ),
    Personality(
        name="time-slicing",
        sentence="Each device in four time slices, with GPU feature discovery's labels",
        options=LabOptions(allocation="device-plugin", sharing="time-slicing=4"),
        right=_SHARED,
    ),
    Personality(
        name="time-slicing-untold",
        sentence="Each device in four time slices, and no label tells",
        options=LabOptions(
            allocation="device-plugin", sharing="time-slicing=4", feature_discovery=False
        ),
        right={
            "dra_support": _NO_CLAIMS,
            "accelerator_metrics": Right(
                verdict="Inconclusive", because=("nothing tells whether each is shared by 4",)
            ),
        },
    ),
    Personality(
        name="time-slicing-renamed",
        sentence="Each device in four time slices of nvidia.com/gpu.shared",
        options=LabOptions(allocation="device-plugin", sharing="time-slicing=4,renamed"),
        right=_SHARED,
    ),
    Personality(
        name="one-device-in-four",
        sentence="One device in all, in four time slices",
        options=LabOptions(nodes=1, gpus=1, allocation="device-plugin", sharing="time-slicing=4"),
        right={
            "dra_support": _NO_CLAIMS,
            "secure_accelerator_access": Right(because=("no device for one pod alone", _NO_WHOLE)),
            "accelerator_metrics": Right(
                because=("it is shared .*, and moves for both", _NO_WHOLE)
            ),
            "pod_autoscaling": Right(
                verdict="Inconclusive", because=("Both pods may have units of the same device",)
            ),
        },
        unseen=dict.fromkeys(
            ("injects-all", "injects-wrong"), "there is one device, whoever is given what"
        ),
    ),
    Personality(
        name="mps",
        sentence="Each device shared by MPS among four",
        options=LabOptions(allocation="device-plugin", sharing="mps=4"),
        right=_SHARED,
    ),
    Personality(
        name="device-ids",
        sentence="A device plugin that names devices to the runtime by number",
        options=LabOptions(allocation="device-plugin", device_ids="index"),
        right={"dra_support": _NO_CLAIMS},
    ),
    Personality(
        name="uneven",
        sentence="Eight devices on one node, one on the other",
        options=LabOptions(gpus=(8, 1)),
    ),
    Personality(
        name="vgpu",
        sentence="Virtual devices, without the hardware's sensors",
        options=LabOptions(allocation="device-plugin", gpu_profile="vgpu"),
        right={"dra_support": _NO_CLAIMS},
    ),
    Personality(
        name="mig",
        sentence="Every device partitioned into MIG instances, by NVIDIA's DRA driver",
        options=LabOptions(gpus=2, mig=2),
        right={
            "accelerator_metrics": Right(verdict="Inconclusive", because=(_ANY_PART,)),
            "pod_autoscaling": _NO_METRIC_OF_PARTS,
        },
        unseen={"exporter-static": "which series is of an instance that is held nothing tells"},
    ),
    Personality(
        name="mig-mixed",
        sentence="Whole devices, and two more that are partitioned into MIG instances",
        options=LabOptions(gpus=6, mig=2),
    ),
    Personality(
        name="mig-device-plugin",
        sentence="MIG instances by the device plugin's strategy mixed",
        options=LabOptions(gpus=2, mig=2, allocation="device-plugin"),
        right={
            "dra_support": _NO_CLAIMS,
            "accelerator_metrics": Right(verdict="Inconclusive", because=(_ANY_PART,)),
            "pod_autoscaling": _NO_METRIC_OF_PARTS,
        },
        unseen={"exporter-static": "which series is of an instance that is held nothing tells"},
    ),
    Personality(
        name="virtual-node",
        sentence="Claims, and beside them a node without a kubelet that offers devices",
        options=LabOptions(virtual_node=True),
    ),
    Personality(
        name="amd",
        sentence="AMD's GPUs by claims, from stand-ins of the lab under AMD's names",
        options=LabOptions(vendor="amd"),
        right={"secure_accelerator_access": _NO_RUNTIME_OF_AMD},
    ),
    Personality(
        name="amd-device-plugin",
        sentence="AMD's GPUs by their device plugin's names, from stand-ins of the lab",
        options=LabOptions(vendor="amd", allocation="device-plugin"),
        right={
            "dra_support": _NO_CLAIMS,
            "secure_accelerator_access": _NO_RUNTIME_OF_AMD,
        },
    ),
)
