"""Where the suite and its manifests lie: in the wheel beside this file, in a checkout beside it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def suite_dir() -> Path:
    """The folder of the conformance tests."""
    return _first_folder(_PACKAGE / "suite" / "conformance", _PACKAGE.parent / "tests/conformance")


def manifests_dir() -> Path:
    """The folder of what the suite deploys, one folder per requirement id."""
    return _first_folder(_PACKAGE / "suite" / "manifests", _PACKAGE.parent / "manifests")


def in_suite(path: Path) -> bool:
    """Whether a path is the suite's folder or lies in it."""
    return path.resolve().is_relative_to(suite_dir())


def _first_folder(installed: Path, checkout: Path) -> Path:
    return installed if installed.is_dir() else checkout
