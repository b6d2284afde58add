"""Counters before and after a known number of requests, judged series by series. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from aicr_pytest.cluster.prometheus import Series

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name of a series, and its other labels."""


def keyed(series: Iterable[Series]) -> dict[Key, float]:
    """Values by series; two replicas of Prometheus or two targets are two series."""
    found = {}
    for one in series:
        labels = dict(one.labels)
        found[labels.pop("__name__", ""), tuple(sorted(labels.items()))] = one.value
    return found


def gained(before: Mapping[Key, float], after: Mapping[Key, float]) -> dict[Key, float]:
    """What each series gained; one that is new began at 0, for nobody knew the service before."""
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def faults_of(gains: Mapping[Key, float], name: str, sent: int, lag: str) -> list[str]:
    """Series of a name that did not gain exactly what was sent, as sentences.

    Args:
        lag: why what was awaited did not come; said where something is wrong.
    """
    own = {key: gain for key, gain in gains.items() if key[0] == name}
    if not own:
        return [f"there is no series {name} of the service{_because(lag)}"]
    return [
        f"{sent} requests were answered, and {name}{_labels(key)} gained {gain:g}{_because(lag)}"
        for key, gain in sorted(own.items())
        if gain != sent
    ]


def missing_buckets(buckets: Sequence[Series], sent: int, name: str) -> list[str]:
    """Where a histogram's buckets do not hold all observations, as sentences."""
    if not buckets:
        return [f"there is no series {name} of the service, so that no latency can be told"]
    last = [one for one in buckets if one.labels.get("le") in ("+Inf", "Inf")]
    if not last:
        return [f"{name} has no bucket le=+Inf, which holds all observations"]
    return [
        f"{sent} requests were answered, and {one} is the last bucket"
        for one in last
        if one.value != sent
    ]


def _labels(key: Key) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in key[1])
    return f"{{{told}}}"


def _because(lag: str) -> str:
    return f"\n  {lag}" if lag else ""
