"""What exporters say of accelerators, judged. Pure: no requests, no clock of its own."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aicr_pytest.accelerators.profile import ExporterProfile, Reading
from aicr_pytest.monitoring.exposition import Exposition, Sample

Sensor = tuple[str, dict[str, list[Sample]]]
"""A series' name, and its samples by identity."""
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


def chosen(readings: Sequence[Reading], exposed: Iterable[Exposed]) -> Reading | None:
    """The first of the profile's names that has values; None where none has."""
    answers = list(exposed)
    return next(
        (one for one in readings if any(e.exposition.named(one.name) for e in answers)), None
    )


def by_identity(
    profile: ExporterProfile, reading: Reading, exposed: Iterable[Exposed]
) -> dict[str, list[Sample]]:
    """Identity → the samples of one reading."""
    found: dict[str, list[Sample]] = {}
    for answer in exposed:
        for sample in answer.exposition.named(reading.name):
            found.setdefault(identity_of(profile, sample.labels), []).append(sample)
    return found


def identity_of(profile: ExporterProfile, labels: Mapping[str, str]) -> str:
    """Which accelerator, or which part of a partitioned one, a series is about."""
    parts = (labels.get(name) for name in (profile.identity_label, *profile.instance_labels))
    return PART.join(part for part in parts if part)


def share(
    profile: ExporterProfile, readings: Sequence[Reading], exposed: Iterable[Exposed]
) -> dict[str, float]:
    """Identity → its highest value as a share of full load; empty where there is no series."""
    answers = list(exposed)
    if (reading := chosen(readings, answers)) is None:
        return {}
    found = by_identity(profile, reading, answers)
    return {
        identity: max(sample.value for sample in samples) / reading.full
        for identity, samples in found.items()
    }


def identities(
    profile: ExporterProfile, readings: Sequence[Reading], exposed: Iterable[Exposed]
) -> set[str]:
    """The accelerators that have a value of the first reading that has any."""
    answers = list(exposed)
    reading = chosen(readings, answers)
    return set(by_identity(profile, reading, answers)) if reading else set()


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
        reading = chosen(readings, exposed)
        if reading is None:
            names = " or ".join(one.name for one in readings)
            found.append(f"{where} has no value at all ({names})")
            continue
        series = by_identity(profile, reading, exposed)
        found += _set_faults(f"{where} ({reading.name})", offered, set(series))
        found += [
            f"{where} ({reading.name}): accelerators {', '.join(sorted(indexes))} all carry "
            f"{profile.identity_label} {identity}"
            for identity, samples in sorted(series.items())
            if len(indexes := {s.labels.get(profile.index_label, "") for s in samples}) > 1
        ]
    return found


def _set_faults(where: str, offered: Offered, seen: set[str]) -> list[str]:
    """What is offered and not measured; what is measured beyond it is withheld: nobody is accused.

    An exporter goes on with an accelerator that is tainted, ill or partitioned.
    """
    if missing := sorted(offered.identities - seen):
        return [f"{where} lacks {', '.join(missing)}"]
    if not offered.identities and len(seen) < offered.count:
        return [f"{where} has series of {len(seen)} accelerators, {offered.count} are offered"]
    return []


def sensors(profile: ExporterProfile, exposed: Sequence[Exposed]) -> Mapping[str, Sensor]:
    """What is offered beside utilization and memory → the series' name, and its samples."""
    offered = {}
    for what, readings in profile.sensors.items():
        named = [
            one
            for one in readings
            if any(one.name in e.exposition.types or e.exposition.named(one.name) for e in exposed)
        ]
        if named:
            # The one with values, if any: some models lack a single sensor.
            reading = chosen(named, exposed) or named[0]
            offered[what] = (reading.name, by_identity(profile, reading, exposed))
    return offered


def span(sensors: Iterable[Sensor]) -> str:
    """What some nodes' exporters show of one sensor, in a line: how many, from what to what."""
    found = list(sensors)
    names = ", ".join(sorted({name for name, _ in found}))
    if not found:
        return "not offered by the exporter"
    values = [
        sample.value for _, series in found for samples in series.values() for sample in samples
    ]
    if not values:
        return f"{names} has no value"
    count = sum(len(series) for _, series in found)
    return f"{min(values):g} to {max(values):g} on {count} accelerators ({names})"


def sensor_faults(
    profile: ExporterProfile, offered: Offered, exposed: Sequence[Exposed]
) -> list[str]:
    """Sensors that are announced and have no sensible value, as sentences."""
    found = []
    for what, (name, series) in sensors(profile, exposed).items():
        where = f"{offered.node}: {what} ({name})"
        if not series:
            found.append(f"{where} is announced and has not one value")
            continue
        found += [
            f"{where} of {identity} is {sample.value:g}"
            for identity, samples in sorted(series.items())
            for sample in samples
            if not _sensible(what, sample.value)
        ]
    return found


def _sensible(what: str, value: float) -> bool:
    if not math.isfinite(value) or value < 0:
        return False
    # No accelerator that is switched on has 0 degrees or draws nothing; a link may be quiet.
    return value > 0 or what not in ("temperature", "power")


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
