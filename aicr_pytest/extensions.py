"""What other distributions add: profiles of accelerators, solutions of platforms.

A distribution declares it in its own metadata, and pip brings it where it is wanted::

    [project.entry-points."aicr_pytest.profiles"]
    acme = "acme_aicr:PROFILE"

    [project.entry-points."aicr_pytest.solutions"]
    "gang.acme" = "acme_aicr:SCHEDULER"

What each of them has to be stands in ``accelerators.vendors`` and ``requirements.registry``. They
are loaded in runs that ask for checks, never in others; they come after ours, and none can take a
name that is taken. ``run.json`` lists them among the versions.
"""

import functools
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from aicr_pytest.errors import SettingsError

PROFILES = "aicr_pytest.profiles"
SOLUTIONS = "aicr_pytest.solutions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A loaded entry point."""

    name: str
    """Its name."""
    origin: str
    """The distribution, and the entry point as its metadata has it."""
    value: object
    """What it leads to."""

    def refused(self, reason: str) -> SettingsError:
        """The error that says what is wrong with it."""
        return _refused(self.origin, reason)


@functools.cache  # accelerators are looked for again and again
def load(group: str) -> tuple[Extension, ...]:
    """What is installed of a group, by name.

    Raises:
        SettingsError: one cannot be loaded.
    """
    return tuple(
        Extension(name=point.name, origin=_origin(point), value=_loaded(point))
        for point in _points(group)
    )


def versions() -> dict[str, str]:
    """Every extension with the distribution that brings it; loads none."""
    return {
        f"{group} {point.name}": _distribution(point)
        for group in (PROFILES, SOLUTIONS)
        for point in _points(group)
    }


def _points(group: str) -> list[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda point: (point.name, _distribution(point)))


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:  # a module of others may raise anything
        told = f"{type(error).__name__}: {error}"
        raise _refused(_origin(point), f"cannot be loaded: {told}") from error


def _refused(origin: str, reason: str) -> SettingsError:
    return SettingsError(f"{origin}: {reason}.\n  Mend that distribution, or uninstall it.")


def _origin(point: EntryPoint) -> str:
    return f"{_distribution(point)}, entry point {point.name} = {point.value} of {point.group}"


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"
