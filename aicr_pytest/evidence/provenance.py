"""What a run was made with: this program and the suite, to the byte."""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import aicr_pytest
from aicr_pytest import __version__
from aicr_pytest.locations import in_suite, manifests_dir, suite_dir


@functools.cache
def tool() -> str:
    """Version and code of this program: ``aicr-pytest 0.1.0 (sha256:…)``."""
    package = Path(aicr_pytest.__file__).resolve().parent
    files = {
        path.relative_to(package).as_posix(): path
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    own = {name: path for name, path in files.items() if not name.startswith("suite/")}
    return f"aicr-pytest {__version__} (sha256:{fingerprint(hashes(own))})"


def suite_files(modules: Iterable[str], requirements: Iterable[str]) -> dict[str, str]:
    """The conformance modules and manifests that checks ran from: name → sha256.

    Args:
        modules: paths of the modules; one from outside of the suite goes by its file's name.
        requirements: ids, whose manifests are deployed.
    """
    files: dict[str, Path] = {}
    for module in map(Path, modules):
        inside = in_suite(module)
        name = module.resolve().relative_to(suite_dir()) if inside else Path(module.name)
        files[f"{'conformance' if inside else 'others'}/{name.as_posix()}"] = module
    for requirement in requirements:
        folder = manifests_dir() / requirement
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"manifests/{path.relative_to(folder.parent).as_posix()}"] = path
    return hashes(files)


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of files by their names, sorted; one that cannot be read has none."""
    found = {}
    for name in sorted(files):
        try:
            found[name] = hashlib.sha256(files[name].read_bytes()).hexdigest()
        except OSError:
            found[name] = ""
    return found


def fingerprint(files: Mapping[str, str]) -> str:
    """One sha256 over names and hashes, as `sha256sum` lists them."""
    listed = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(listed.encode()).hexdigest()
