"""What a container sees of accelerators: the probe's output, parsed into values.

A negative ("sees none") is an observation only if the probe ran to its end; everything else is
``ProbeFailed``, never an empty list.
"""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from typing import Literal, Protocol

from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.units import without_wholes
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.evidence.kernel_answers import KERNEL_ANSWERS, KernelAnswer

REFUSALS = tuple(words for words, answer in KERNEL_ANSWERS.items() if not answer.reached)
"""The kernel's words for an open that it does not let through."""
_FAILED_BEHIND = KernelAnswer(means="let through to the driver, failed there", reached=True)
_NOT_TRIED = "-"
_OF_THE_CGROUP = "Operation not permitted"
"""strerror of EPERM: a container has no device that its device cgroup refuses."""


class Ran(Protocol):
    """A finished command in a container (``aicr_pytest.cluster.streams.Execution``)."""

    @property
    def stdout(self) -> str:
        """Standard output."""

    @property
    def stderr(self) -> str:
        """Standard error."""

    @property
    def exit_code(self) -> int:
        """Exit code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNode:
    """One character device in a container's /dev."""

    path: str
    major: int
    minor: int
    result: str
    """``opened``, the kernel's words for why not, or ``-`` where opening was not tried."""
    companion: bool = False
    """Whether it comes with a unit that another node counts."""

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor, which tell a device whatever its path."""
        return (self.major, self.minor)

    @property
    def refused(self) -> bool:
        """Whether the device cgroup refuses to open it; a file's mode refuses one user only."""
        return self.result == _OF_THE_CGROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one container sees of one vendor's accelerators."""

    nodes: tuple[DeviceNode, ...]
    """Nodes by which devices are reached, by pattern or by the driver's major; sorted by path."""
    parts: tuple[DeviceNode, ...] = ()
    """Nodes by which parts of devices can be opened; sorted by path."""
    lists_parts: bool = False
    """Whether the tool lists parts of devices, too, where there are any."""
    tool: str
    """Path of the vendor's tool in the container; empty where it is absent."""
    tool_exit: int | None
    listed: tuple[str, ...]
    """Identities that the tool lists."""
    told: bool
    """Whether the tool worked, so that ``listed`` is an observation."""
    screen: str
    """The tool's own screen, verbatim."""
    lists_others: bool = False
    """Whether the tool lists more devices than the container can open, as it does by itself."""
    asks_by: tuple[str, ...] = ()
    """The vendor's variables by which a permissive runtime is asked, as ``name=value``."""

    @property
    def reachable(self) -> tuple[DeviceNode, ...]:
        """Nodes that the device cgroup does not refuse to open."""
        return tuple(node for node in self.nodes if not node.refused)

    @property
    def units(self) -> tuple[DeviceNode, ...]:
        """Those of ``reachable`` of which each unit has one."""
        return tuple(node for node in self.reachable if not node.companion)

    def trouble_with(self, tool: str) -> str:
        """Why the vendor's tool told nothing."""
        if not self.tool:
            return f"{tool} is not in the container."
        if self.lists_others:
            return f"{self.tool} lists the devices of the node, and not those of the container."
        return (
            f"{self.tool} exits with {self.tool_exit}: {self.screen.strip()[-200:] or 'no output'}"
        )

    def __str__(self) -> str:
        nodes = ", ".join(node.path for node in self.reachable) or "no device node"
        if not self.tool:
            return f"{nodes}; no vendor tool"
        if not self.told:
            other = f"{self.tool} exits with {self.tool_exit}"
            return f"{nodes}; {self.trouble_with('') if self.lists_others else other}"
        return f"{nodes}; {self.tool} lists {', '.join(self.listed) or 'nothing'}"


def _script(name: str) -> str:
    return files("aicr_pytest.accelerators").joinpath(name).read_text(encoding="utf-8")


def probe_command(profile: Profile) -> tuple[str, ...]:
    """The command that lists what a container sees."""
    return (
        *("sh", "-c", _script("probe.sh"), "aicr-probe"),
        " ".join(profile.environment_bypass),
        " ".join(profile.driver_majors),
        " ".join((*profile.device_globs, *profile.companion_globs, *profile.part_globs)),
        ":".join(profile.tool_directories),
        profile.tool,
        *profile.list_arguments,
    )


def parse_view(profile: Profile, ran: Ran, *, known_majors: frozenset[int] = frozenset()) -> View:
    """Read the probe's output.

    Args:
        known_majors: majors at which another container showed devices of this vendor; a node with
            such a major counts under whatever name it hides.

    Raises:
        ProbeFailed: the probe did not run to its end, so nothing was observed.
    """
    fields = [line.split("\t") for line in ran.stdout.splitlines()]
    if not fields or fields[-1] != ["end"]:
        raise ProbeFailed(
            f"The probe stopped before its end (exit {ran.exit_code}): "
            f"{(ran.stderr or ran.stdout).strip()[-300:] or 'no output'}",
            hint="It needs sh, stat and mktemp in the probe image; --aicr-image names another one.",
        )
    majors = known_majors | {int(row[1]) for row in fields if row[0] == "major"}
    devices = [
        DeviceNode(
            path=row[1],
            major=int(row[2]),
            minor=int(row[3]),
            result=row[4],
            companion=_fits(row[1], profile.companion_globs),
        )
        for row in fields
        if row[0] == "device"
    ]
    devices.sort(key=lambda node: (len(node.path), node.path))
    of_parts = [node for node in devices if _fits(node.path, profile.part_globs)]
    exits = [int(row[1]) for row in fields if row[0] == "tool-exit"]
    tool_exit = exits[0] if exits else None
    whole = tool_exit in (0, *profile.warning_exits)
    lines = [row[1] for row in fields if whole and row[0] == "listed" and row[1].strip()]
    named = [identity for line in lines if (identity := profile.parse_identity(line))]
    listed = without_wholes(profile.sharing, named)
    # A tool that speaks and names no device may have failed: only silence says that there is none.
    empty = tool_exit == profile.empty_list_exit or (tool_exit == 0 and not lines)
    view = View(
        nodes=tuple(
            node for node in devices if node not in of_parts and _is_unit(profile, node, majors)
        ),
        parts=tuple(node for node in of_parts if not node.refused and node.result != _NOT_TRIED),
        lists_parts=bool(profile.part_list_line)
        and any(re.match(profile.part_list_line, line) for line in lines),
        tool=next((row[1] for row in fields if row[0] == "tool"), ""),
        tool_exit=tool_exit,
        listed=listed,
        told=bool(listed) or (tool_exit is not None and empty),
        asks_by=tuple(row[1] for row in fields if row[0] == "env"),
        screen="\n".join("\t".join(row[1:]) for row in fields if row[0] == "screen"),
    )
    if profile.lists_unreachable and len(listed) > len(view.units):
        return dataclasses.replace(view, listed=(), told=False, lists_others=True)
    return view


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _is_unit(profile: Profile, node: DeviceNode, majors: frozenset[int]) -> bool:
    if node.companion or _fits(node.path, profile.device_globs):
        return True
    return node.major in majors and node.minor not in profile.control_minors


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """What came of making a device node on purpose and opening it."""

    step: Literal["mknod", "open"]
    """The step that decided: ``mknod`` where the node could not even be made."""
    message: str
    """``opened``, or the kernel's words."""

    @property
    def mknod_refused(self) -> bool:
        """Whether the node could not even be made."""
        return self.step == "mknod"

    @property
    def refused(self) -> bool:
        """Whether the kernel refused the step that decided."""
        return self.message in REFUSALS

    @property
    def reached(self) -> bool:
        """Whether the kernel let the open through, up to the driver."""
        return self.step == "open" and not self.refused

    @property
    def told(self) -> str:
        """The kernel's words, and what they mean."""
        if self.mknod_refused:
            return f"{self}: the node could not even be made"
        return f"{self}: {KERNEL_ANSWERS.get(self.message, _FAILED_BEHIND).means}"

    def __str__(self) -> str:
        return f"{self.step}: {self.message}"


def open_command(*nodes: DeviceNode) -> tuple[str, ...]:
    """The command that makes nodes with these numbers and tries to open them."""
    numbers = (str(number) for node in nodes for number in node.numbers)
    return ("sh", "-c", _script("open_device.sh"), "aicr-reach", *numbers)


def parse_open_attempts(ran: Ran, count: int) -> list[OpenAttempt]:
    """Read the outcome of :func:`open_command` for so many nodes.

    Raises:
        ProbeFailed: the script did not say of each.
    """
    lines = ran.stdout.splitlines()
    said = [match for line in lines if (match := re.fullmatch(r"(mknod|open)\t(.+)", line))]
    if len(said) != count or len(lines) != count:
        raise ProbeFailed(
            f"Making a device node could not be tried (exit {ran.exit_code}): "
            f"{(ran.stderr or ran.stdout).strip()[-300:] or 'no output'}"
        )
    return [
        OpenAttempt(step="mknod" if match[1] == "mknod" else "open", message=match[2])
        for match in said
    ]
