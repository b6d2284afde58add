"""Which items of a collection are checks, what each of them is, and which of them were chosen."""

import heapq
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from aicr_pytest.config.marks import is_check
from aicr_pytest.evidence.record import Basis
from aicr_pytest.locations import in_suite
from aicr_pytest.requirements.catalogue import BY_ID
from aicr_pytest.run.sentences import sentence

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check as its marks describe it."""

    nodeid: str
    """pytest's name for it; identity is ``requirement`` and ``name``."""
    requirement: str
    """Id of the requirement."""
    name: str
    """Name of the test with its parameters."""
    title: str
    """The name as a sentence."""
    proves: str
    """What is true of the platform if it passes."""
    basis: Basis
    """Whether it decides; checks from outside of the suite never do."""
    creates: str = ""
    """What it puts on the cluster, in words; empty: nothing."""
    accelerators: int = 0
    """How many it holds at once."""
    seconds: float = 0.0
    """About how long it takes."""
    module: str = ""
    """Where it is written; what one module creates it creates once."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Check":
        """Read back what ``asdict`` gave."""
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is going to do."""

    selected: tuple[Check, ...] = ()
    """Checks that will run, in their order."""
    left_out: tuple[Check, ...] = ()
    """Checks of the same requirements that were not chosen; their verdict cannot be Implemented."""

    @property
    def requirements(self) -> list[str]:
        """Ids of the requirements looked at, in the order of the list."""
        chosen = {check.requirement for check in self.selected}
        return [requirement for requirement in BY_ID if requirement in chosen]

    def is_whole(self, requirement: str) -> bool:
        """Whether every deciding check of a requirement was chosen."""
        return not any(
            check.requirement == requirement and check.basis != "hardening"
            for check in self.left_out
        )

    def seconds(self, workers: int = 1) -> float:
        """About how long the run takes where each worker does one module after the other."""
        busy = [0.0] * workers
        for module in sorted(self._by_module, key=_seconds_of, reverse=True):
            heapq.heapreplace(busy, busy[0] + _seconds_of(module))
        return max(busy)

    def accelerators(self, workers: int = 1) -> int:
        """How many accelerators are held at once, at most."""
        most = [max(check.accelerators for check in module) for module in self._by_module]
        return sum(sorted(most, reverse=True)[:workers])

    @property
    def _by_module(self) -> list[list[Check]]:
        found: dict[str, list[Check]] = {}
        for check in self.selected:
            found.setdefault(check.module, []).append(check)
        return list(found.values())

    @property
    def creates(self) -> list[str]:
        """What is put on the cluster, each thing once."""
        return list(dict.fromkeys(check.creates for check in self.selected if _is_something(check)))

    def to_json(self) -> dict[str, Any]:
        """For another process of the same run."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        """Read back what ``to_json`` gave."""
        return cls(
            selected=tuple(Check.from_json(item) for item in data["selected"]),
            left_out=tuple(Check.from_json(item) for item in data["left_out"]),
        )


def check_of(item: "pytest.Item") -> Check:
    """The check that an item is.

    Raises:
        ValueError: its marks do not fit; the message names the item and the mark.
    """
    said: dict[str, Any] = {}
    for mark in item.iter_markers("aicr_check"):  # the closest comes first and wins
        said = {**mark.kwargs, **said}
    by_module = item.get_closest_marker("requirement")
    requirement = said.get("requirement") or (
        str(by_module.args[0]) if by_module and by_module.args else ""
    )
    _refuse_unknown(item, requirement, said)
    name = str(getattr(item, "originalname", None) or item.name)
    doc = inspect.getdoc(getattr(item, "function", None)) or ""
    title = sentence(name)
    parameters = item.name.removeprefix(name)
    return Check(
        nodeid=item.nodeid,
        requirement=requirement,
        name=item.name,
        title=f"{title} {parameters}".strip(),
        proves=said.get("proves") or doc.partition("\n")[0].strip() or title,
        # Third-party checks can add findings, never improve a verdict.
        basis=said.get("basis", "text") if in_suite(item.path) else "hardening",
        creates=said.get("creates", ""),
        accelerators=int(said.get("accelerators", 0)),
        seconds=float(said.get("seconds", 0.0)),
        module=str(item.path),
    )


def _seconds_of(module: Iterable[Check]) -> float:
    return sum(check.seconds for check in module)


def _is_something(check: Check) -> bool:
    return bool(check.creates) and not check.creates.startswith("nothing")


def plan_of(chosen: Sequence["pytest.Item"], collected: Iterable["pytest.Item"]) -> Plan:
    """The plan of a run: its checks, and those of the same requirements that stay out.

    Args:
        chosen: what will run.
        collected: all that there is, also what a node id or an option left out.
    """
    # By node id: a check that was named twice is one check.
    selected = {item.nodeid: check_of(item) for item in chosen if is_check(item)}.values()
    requirements = {check.requirement for check in selected}
    left_out = {
        check.nodeid: check
        for check in (check_of(item) for item in collected if is_check(item))
        if check.requirement in requirements
    }
    for check in selected:
        left_out.pop(check.nodeid, None)
    known = {check.name.partition("[")[0] for check in (*selected, *left_out.values())}
    for item in chosen:
        if is_check(item):
            left_out |= {check.nodeid: check for check in _never_collected(item, known)}
    return Plan(selected=tuple(selected), left_out=tuple(left_out.values()))


def _never_collected(item: "pytest.Item", known: set[str]) -> Iterable[Check]:
    """Checks of the item's module that are none to pytest, e.g. for ``python_functions``."""
    if not in_suite(item.path):
        return
    check = check_of(item)
    for name, function in vars(getattr(item, "module", None) or object).items():
        if name.startswith("test_") and inspect.isfunction(function) and name not in known:
            marks = {mark.name: mark for mark in getattr(function, "pytestmark", ())}
            own = marks["aicr_check"].kwargs if "aicr_check" in marks else {}
            yield replace(
                check,
                nodeid=f"{item.nodeid.partition('::')[0]}::{name}",
                name=name,
                title=sentence(name),
                proves=(inspect.getdoc(function) or sentence(name)).partition("\n")[0],
                basis=own.get("basis", "text"),
            )


def _refuse_unknown(item: "pytest.Item", requirement: str, said: dict[str, Any]) -> None:
    if requirement not in BY_ID:
        raise ValueError(
            f"{item.nodeid}: {requirement!r} is no requirement id. Say it with "
            f'pytestmark = pytest.mark.requirement("<id>"); valid: {", ".join(BY_ID)}.'
        )
    if (basis := said.get("basis", "text")) not in get_args(Basis):
        raise ValueError(
            f"{item.nodeid}: aicr_check(basis={basis!r}) is not valid; valid: "
            f"{', '.join(get_args(Basis))}."
        )
    valid = {"requirement", "proves", "basis", "creates", "accelerators", "seconds"}
    if unknown := sorted(said.keys() - valid):
        raise ValueError(
            f"{item.nodeid}: aicr_check has no {', '.join(unknown)}; it has "
            f"{', '.join(sorted(valid))}."
        )
