"""What other distributions add: found by their metadata, checked, and never instead of ours."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aicr_pytest import extensions
from aicr_pytest.accelerators.vendors import PROFILES, profiles
from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.registry import AREAS, SHAPES, own_solutions, solution_names
from aicr_pytest.workloads.images import reference

PROFILE = """
import dataclasses
from aicr_pytest.accelerators.vendors.nvidia import PROFILE as OTHER

ACME = dataclasses.replace(
    OTHER, vendor="acme", driver="gpu.acme.example", device_class="gpu.acme.example",
    extended_resource="acme.example/gpu", probe_image="acme.example/probe:1",
)
DOUBLE = dataclasses.replace(ACME, driver=OTHER.driver)
"""
SCHEDULER = """
from aicr_pytest.requirements.gang_scheduling.solutions.kueue import Kueue

class Acme(Kueue):
    name = "acme"

class Double(Kueue):
    pass

SCHEDULER, DOUBLE = Acme(), Double()
"""
Install = Callable[..., None]


@pytest.fixture(autouse=True)
def _metadata_is_read_anew() -> Iterator[None]:
    extensions.load.cache_clear()
    yield
    extensions.load.cache_clear()
    sys.modules.pop("acme_aicr", None)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution on the path: its name, its module, its entry points by group."""
    monkeypatch.syspath_prepend(tmp_path)

    def add(text: str, *points: str, group: str, name: str = "acme-aicr") -> None:
        (tmp_path / "acme_aicr.py").write_text(text)
        info = tmp_path / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))

    return add


def test_profile_of_another_distribution_comes_after_ours(install: Install) -> None:
    install(PROFILE, "acme = acme_aicr:ACME", group=extensions.PROFILES)

    *ours, acme = profiles()

    assert tuple(ours) == PROFILES
    assert acme.driver == "gpu.acme.example"
    assert reference("probe", replaced={}, registry=None, profile=acme) == "acme.example/probe:1"


def test_solution_of_another_distribution_comes_after_ours(install: Install) -> None:
    install(SCHEDULER, "gang.acme = acme_aicr:SCHEDULER", group=extensions.SOLUTIONS)

    ours = tuple(solution.name for solution in own_solutions("gang"))

    assert solution_names("gang") == (*ours, "acme")
    assert "acme" not in solution_names("operator")


def test_extensions_are_listed_without_loading_them(install: Install) -> None:
    install("raise SystemExit", "gang.acme = acme_aicr:SCHEDULER", group=extensions.SOLUTIONS)

    assert extensions.versions() == {"aicr_pytest.solutions gang.acme": "acme-aicr 1.2"}


@pytest.mark.parametrize(
    ("text", "point", "reason"),
    [
        ("import missing_module", "acme = acme_aicr:ACME", "cannot be loaded: ModuleNotFoundErr"),
        ("", "acme = acme_aicr:ACME", "cannot be loaded: AttributeError"),
        ("1 / 0", "acme = acme_aicr:ACME", "cannot be loaded: ZeroDivisionError"),
        ("ACME = 'acme'", "acme = acme_aicr:ACME", "it is no Profile, but str"),
        (PROFILE, "acne = acme_aicr:ACME", "the vendor of its profile is 'acme'"),
        (PROFILE, "nvidia = acme_aicr:OTHER", "vendor 'nvidia' is described by the profile of"),
        (PROFILE, "acme = acme_aicr:DOUBLE", "driver 'gpu.nvidia.com' is described by"),
    ],
)
def test_bad_profile_is_named_with_its_distribution(
    install: Install, text: str, point: str, reason: str
) -> None:
    install(text, point, group=extensions.PROFILES)

    with pytest.raises(SettingsError) as caught:
        profiles()

    start = f"acme-aicr 1.2, entry point {point} of aicr_pytest.profiles: {reason}"
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith("\n  Mend that distribution, or uninstall it.")


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ("acme = acme_aicr:SCHEDULER", "its name has to be AREA.NAME, AREA one of gang, gateway"),
        ("gangs.acme = acme_aicr:SCHEDULER", "its name has to be AREA.NAME"),
        ("gang.other = acme_aicr:SCHEDULER", "the name of its solution is 'acme'"),
        ("gang.kueue = acme_aicr:DOUBLE", "gang has a solution 'kueue' already"),
        ("operator.acme = acme_aicr:SCHEDULER", "it is no Operator, it lacks children"),
        ("gang.acme = acme_aicr:__doc__", "it is no GangScheduler, it lacks "),
    ],
)
def test_bad_solution_is_named_with_its_distribution(
    install: Install, point: str, reason: str
) -> None:
    install(SCHEDULER, point, group=extensions.SOLUTIONS)

    with pytest.raises(SettingsError) as caught:
        solution_names("gang")

    start = f"acme-aicr 1.2, entry point {point} of aicr_pytest.solutions: {reason}"
    assert str(caught.value).startswith(start)


def test_two_distributions_cannot_bring_the_same_name(install: Install) -> None:
    for name in ("acme-aicr", "emca-aicr"):
        point = "gang.acme = acme_aicr:SCHEDULER"
        install(SCHEDULER, point, group=extensions.SOLUTIONS, name=name)

    with pytest.raises(SettingsError, match=r"^emca-aicr 1\.2.*gang has a solution 'acme' already"):
        solution_names("gang")


def test_every_area_says_what_a_solution_has_to_be() -> None:
    assert SHAPES.keys() == AREAS.keys()


def test_profiles_of_ours_do_not_share_what_is_each_ones_own() -> None:
    for field in dataclasses.fields(PROFILES[0]):
        if field.name in ("vendor", "driver", "device_class", "extended_resource"):
            values = [getattr(profile, field.name) for profile in PROFILES]
            assert len(values) == len(set(values))
