"""What exporters say of accelerators, judged. Pure: no requests, no clock of its own."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from aicr_pytest.accelerators.profile import ExporterProfile, Reading
from aicr_pytest.monitoring.exposition import Exposition, Sample

PART = "/"
"""Stands between an accelerator's identity and that of a part of it."""
OLDEST = 150.0
"""Seconds that a sample may be old; DCGM reads every 30 s, and some pipelines lag by a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """The accelerators that one node offers, as Kubernetes knows them."""

    node: str
    """Name of the node."""
    identities: frozenset[str]
    """Where slices tell them; empty where only a count is published."""
    count: int
    """How many there are."""
    parts_apart: bool = False
    """Whether parts are counted beside them, and so are none of them."""
    told: bool = True
    """Whether anything tells that these are whole accelerators, and not shares of them."""
    parts: int = 0
    """How many parts of accelerators are offered, in their place or beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """One answer of one exporter pod, parsed."""

    node: str
    """Node of the pod."""
    pod: str
    """``namespace/name``."""
    exposition: Exposition
    """What it says."""
    answered_at: float | None
    """When it says so by its own clock, Unix seconds; None where it does not tell."""


def by_identity(
    profile: ExporterProfile, reading: Reading, exposed: Iterable[Exposed]
) -> dict[str, list[Sample]]:
    """Identity → the samples of one reading; what says that there is none is no sample."""
    found: dict[str, list[Sample]] = {}
    for answer in exposed:
        for sample in answer.exposition.named(reading.name):
            if not _says_none(profile, reading, sample.value):
                found.setdefault(identity_of(profile, sample.labels), []).append(sample)
    return found


def _says_none(profile: ExporterProfile, reading: Reading, value: float) -> bool:
    return value in profile.blanks or (value == 0 and reading.zero == "absent")


def shown(
    profile: ExporterProfile, readings: Iterable[Reading], exposed: Iterable[Exposed]
) -> dict[str, tuple[Reading, list[Sample]]]:
    """Identity → the first of some readings that has values of it, and these.

    Accelerators of one node may differ: of a partitioned one, e.g., there is no utilization as a
    whole, and its neighbour has nothing else.
    """
    answers = list(exposed)
    found: dict[str, tuple[Reading, list[Sample]]] = {}
    for reading in readings:
        for identity, samples in by_identity(profile, reading, answers).items():
            found.setdefault(identity, (reading, samples))
    return found


def identity_of(profile: ExporterProfile, labels: Mapping[str, str]) -> str:
    """Which accelerator, or which part of a partitioned one, a series is about."""
    parts = (labels.get(name) for name in (profile.identity_label, *profile.instance_labels))
    return PART.join(part for part in parts if part)


def held_by(
    profile: ExporterProfile,
    exposed: Iterable[Exposed],
    namespace: str,
    pod: str,
    container: str = "",
) -> list[str]:
    """Identities of the accelerators of which an exporter says that a pod holds them, sorted.

    Args:
        container: only those that this container of it holds; empty: any.
    """
    holder = dict(zip(profile.holder_labels, (namespace, pod), strict=True))
    if container:
        holder[profile.container_label] = container
    return sorted(
        identity
        for identity, (_, samples) in shown(profile, profile.utilization, exposed).items()
        if any(holder.items() <= sample.labels.items() for sample in samples)
    )


def why_unmatched(profile: ExporterProfile, identity: str, seen: Iterable[str]) -> str:
    """Why nobody knows which series is of what a pod holds; empty where it is known, or none is.

    Args:
        identity: as the vendor's tool lists it in the pod.
        seen: identities of the series.
    """
    seen = set(seen)
    if identity in seen:
        return ""
    if any(one.startswith(f"{identity}{PART}") for one in seen):
        return (
            f"{identity} is partitioned, and which of its parts a pod holds the vendor's tool does "
            "not tell"
        )
    if profile.part_identity and re.fullmatch(profile.part_identity, identity):
        return f"{identity} is a part of an accelerator, and which series is of it nothing tells"
    return ""


def share(
    profile: ExporterProfile, readings: Sequence[Reading], exposed: Iterable[Exposed]
) -> dict[str, float]:
    """Identity → its highest value as a share of full load; empty where there is no series."""
    return {
        identity: max(sample.value for sample in samples) / reading.full
        for identity, (reading, samples) in shown(profile, readings, exposed).items()
    }


def coverage_faults(
    profile: ExporterProfile, offered: Offered, exposed: Sequence[Exposed]
) -> list[str]:
    """Accelerators of a node without series of their own, as sentences."""
    if not exposed:
        return [
            f"{offered.node} offers {offered.count} accelerators, and {profile.name} is not there"
        ]
    pods = ", ".join(answer.pod for answer in exposed)
    found = []
    for what, readings in (("utilization", profile.utilization), ("memory", profile.memory)):
        where = f"{offered.node}, pod {pods}: {what}"
        series = shown(profile, readings, exposed)
        if not series:
            names = " or ".join(one.name for one in readings)
            found.append(f"{where} has no value at all ({names})")
            continue
        used = {reading.name: None for reading, _ in series.values()}
        where = f"{where} ({' or '.join(used)})"
        found += _set_faults(where, offered, set(series))
        found += [
            f"{where}: accelerators {', '.join(sorted(indexes))} all carry "
            f"{profile.identity_label} {identity}"
            for identity, (_, samples) in sorted(series.items())
            if len(indexes := {s.labels.get(profile.index_label, "") for s in samples}) > 1
        ]
    return found


def _set_faults(where: str, offered: Offered, seen: Set[str]) -> list[str]:
    """What is offered and not measured; what is measured beyond it is withheld: nobody is accused.

    An exporter goes on with an accelerator that is tainted, ill or partitioned.
    """
    if missing := sorted(offered.identities - seen):
        return [f"{where} lacks {', '.join(missing)}"]
    if not offered.identities and (fitting := len(_units(offered, seen))) < offered.count:
        return [f"{where} has series of {fitting} accelerators, {offered.count} are offered"]
    # Who tells parts apart tells them all; who does not may have readings of their wholes alone.
    if 0 < (parts := sum(PART in one for one in seen)) < offered.parts:
        return [f"{where} has series of {parts} parts, {offered.parts} are offered"]
    return []


def may_be_shares(profile: ExporterProfile, offered: Offered, exposed: Sequence[Exposed]) -> str:
    """Why fewer series than are counted may be of all that there is; empty where they are not.

    Devices that are shared are counted several times each, all of them as often.
    """
    devices = len(_units(offered, set(shown(profile, profile.utilization, exposed))))
    if offered.told or offered.identities or not 0 < devices < offered.count:
        return ""
    each, left = divmod(offered.count, devices)
    if left or coverage_faults(profile, dataclasses.replace(offered, count=devices), exposed):
        return ""
    return (
        f"{offered.node} counts {offered.count} accelerators, its exporter shows {devices}, and "
        f"nothing tells whether each is shared by {each}"
    )


def _units(offered: Offered, seen: Set[str]) -> set[str]:
    """What may be among the units that are counted: wholes, or parts in place of their wholes."""
    if offered.parts_apart:
        return {one for one in seen if PART not in one}
    partitioned = {one.rpartition(PART)[0] for one in seen}
    return {one for one in seen if one not in partitioned}


def foreign_faults(
    profile: ExporterProfile, answers: Sequence[tuple[Offered, Sequence[Exposed]]]
) -> list[str]:
    """Nodes that show another node's accelerators in place of their own, as sentences.

    So it is where the exporters of all nodes ask the host engine of one. Where slices tell whose
    accelerators these are, that they are all shown says enough; where there is only a count, what
    another node shows, too, is nobody's own.
    """
    seen = {
        offered.node: offered.identities
        or _units(offered, set(shown(profile, profile.utilization, exposed)))
        for offered, exposed in answers
    }
    found = []
    for offered, _ in answers:
        mine = seen[offered.node]
        twins = {
            node: mine & theirs
            for node, theirs in seen.items()
            if node != offered.node and mine & theirs
        }
        own = mine.difference(*twins.values())
        if twins and not offered.identities and len(own) < offered.count <= len(mine):
            both = "; ".join(f"{node}: {_few(those)}" for node, those in sorted(twins.items()))
            found.append(
                f"{offered.node} offers {offered.count} accelerators, and {len(own)} of those that "
                f"its exporter shows are its own: others are shown as those of {both}"
            )
    return found


def _few(identities: Set[str]) -> str:
    first, *others = sorted(identities)
    return f"{first} and {len(others)} more" if others else first


Series = tuple[Reading, dict[str, list[Sample]]]
"""A reading, and the samples of each accelerator that has it."""


def sensors(profile: ExporterProfile, exposed: Sequence[Exposed]) -> dict[str, list[Series]]:
    """What is offered beside utilization and memory → its readings, those without a value too.

    Not offered is what is nowhere named, of which every sample says that there is none, or what
    only some models have and nothing but a heading names: old exporters have headings of all.
    """
    offered = {
        what: [
            (one, series)
            for one in readings
            if (series := by_identity(profile, one, exposed)) or _is_only_announced(one, exposed)
        ]
        for what, readings in profile.sensors.items()
    }
    return {what: there for what, there in offered.items() if there}


def _is_only_announced(reading: Reading, exposed: Sequence[Exposed]) -> bool:
    if reading.zero != "fault":
        return False
    pages = [answer.exposition for answer in exposed]
    sampled = any(sample.name == reading.name for page in pages for sample in page.samples)
    return not sampled and any(reading.name in page.types for page in pages)


def span(found: Iterable[Series]) -> str:
    """What some nodes' exporters show of one sensor, in a line: how many, from what to what."""
    values: dict[str, list[float]] = {}
    count: Counter[str] = Counter()
    for reading, series in found:
        shown_of = [sample.value for samples in series.values() for sample in samples]
        values.setdefault(reading.name, []).extend(shown_of)
        count[reading.name] += len(series)
    told = [
        f"{min(those):g} to {max(those):g} on {count[name]} accelerators ({name})"
        if those
        else f"{name} has no value"
        for name, those in values.items()
    ]
    return "; ".join(told) or "not offered by the exporter"


def sensor_faults(
    profile: ExporterProfile, offered: Offered, exposed: Sequence[Exposed]
) -> list[str]:
    """Sensors that are announced and have no sensible value, as sentences."""
    found = []
    for what, there in sensors(profile, exposed).items():
        if not any(series for _, series in there):
            where = f"{offered.node}: {what} ({there[0][0].name})"
            found.append(f"{where} is announced and has not one value")
        for reading, series in there:
            where = f"{offered.node}: {what} ({reading.name})"
            found += [
                f"{where} of {identity} is {sample.value:g}"
                for identity, samples in sorted(series.items())
                for sample in samples
                if not _is_sensible(reading, sample.value)
            ]
            if reading.zero == "fault":  # what is never 0 is there in every one of a model
                found += [
                    f"{where} of {identity} has no value, and others of its model have one"
                    for identity in _lacking(profile, offered, exposed, set(series))
                ]
    return found


def _is_sensible(reading: Reading, value: float) -> bool:
    return math.isfinite(value) and (value > 0 or (value == 0 and reading.zero != "fault"))


def _lacking(
    profile: ExporterProfile, offered: Offered, exposed: Sequence[Exposed], having: Set[str]
) -> list[str]:
    """Accelerators that are offered and lack what others of their model on the node have."""
    models = {
        identity: samples[0].labels.get(profile.model_label, "")
        for identity, (_, samples) in shown(profile, profile.utilization, exposed).items()
    }
    having_models = {models[identity] for identity in having & set(models)}
    return sorted(
        identity
        for identity in offered.identities & set(models) - having
        if models[identity] in having_models
    )


def ages(exposed: Iterable[Exposed]) -> str:
    """How many samples there are, and how old they say they are, in a line."""
    answers = list(exposed)
    count = sum(len(answer.exposition.samples) for answer in answers)
    told = [
        answer.answered_at - sample.at
        for answer in answers
        if answer.answered_at is not None
        for sample in answer.exposition.samples
        if sample.at is not None
    ]
    if not told:
        return f"{count}, none with a time of its own: all as fresh as the answer"
    return f"{count}, {len(told)} with a time of their own: the oldest is {max(told):.0f} s old"


def staleness(exposed: Iterable[Exposed]) -> list[str]:
    """Answers with samples that say themselves how old they are, and are too old."""
    found = []
    for answer in exposed:
        if answer.answered_at is None:
            continue
        ages = [
            (answer.answered_at - sample.at, sample)
            for sample in answer.exposition.samples
            if sample.at is not None
        ]
        if ages and (oldest := max(ages, key=lambda one: one[0]))[0] > OLDEST:
            found.append(
                f"{answer.node}, pod {answer.pod}: {oldest[1]} is {oldest[0]:.0f} s old by its own "
                f"timestamp; more than {OLDEST:g} s is stale"
            )
    return found


def standing(
    profile: ExporterProfile, offered: Offered, before: Sequence[Exposed], now: Sequence[Exposed]
) -> dict[str, str]:
    """Identity → the counter, and its value, that grows of all that is on, and has not grown.

    As many as are withheld may stand still: they may be off, and where there is only a count nobody
    knows which they are.
    """
    found = {}
    for reading in profile.growing:
        had, has = (by_identity(profile, reading, those) for those in (before, now))
        for identity in had.keys() & has.keys():
            was, value = (max(s.value for s in those[identity]) for those in (had, has))
            if was == value:
                found[identity] = f"{reading.name} of {identity} stays at {value:g}"
    if offered.identities:
        return {one: told for one, told in found.items() if one in offered.identities}
    seen = _units(offered, set(shown(profile, profile.utilization, now)))
    return found if len(found) > max(0, len(seen) - offered.count) else {}
