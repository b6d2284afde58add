"""The image of the suite, made without a daemon: this interpreter, locked packages, our files.

The same checkout, interpreter and packages give the same bytes.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from aicr_lab.build import images, interpreter
from aicr_lab.build.oci import Image, Layer
from aicr_lab.errors import HostUnfit

_HOME = "opt/aicr-pytest"
_OWN = "aicr-pytest"
_USER = "65532"
_SCRIPT = b"""#!/usr/local/bin/python3
import sys

from aicr_pytest.cli.main import main

sys.exit(main())
"""
# How an installer came to them says nothing of what is installed.
_OF_INSTALLERS = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
_BLOCK = re.compile(r"^(?=[a-z0-9])", re.MULTILINE)
_VIA = re.compile(r"^    # (?:via |  )([a-z0-9._-]+)$", re.MULTILINE)


def name_of(version: str) -> str:
    """The image's full name, as ``aicr-pytest in-cluster`` asks for it."""
    return f"localhost/aicr-pytest:{version}"


def locked(lock: str, wanted: Iterable[str]) -> dict[str, str]:
    """What a lock has of some packages and of all that they need: name → its lines, hashes too.

    Args:
        lock: a lock file as ``uv pip compile`` writes it, which says who needs what.
        wanted: requirements, e.g. ``pytest>=9``.
    """
    blocks = {re.split(r"[=\s]", block, maxsplit=1)[0]: block for block in _BLOCK.split(lock)[1:]}
    found: set[str] = set()
    more = {_normal(one) for one in wanted}
    while more:
        found |= more
        more = {name for name, block in blocks.items() if found & set(_VIA.findall(block))} - found
    return {name: block for name, block in blocks.items() if name in found}


def needed(root: Path) -> dict[str, str]:
    """What the lock of a checkout has of what the suite needs at run time; as ``locked``."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return locked((root / "requirements.lock").read_text(encoding="utf-8"), project["dependencies"])


def image(root: Path) -> Image:
    """The image.

    Args:
        root: of a checkout that ``scripts/setup.sh`` has made the environment for.

    Raises:
        HostUnfit: what is installed here is not what the lock names.
    """
    from aicr_pytest import __version__

    config = {
        "Env": [*interpreter.ENVIRONMENT, f"PYTHONPATH=/{_HOME}", "HOME=/tmp"],
        "Entrypoint": ["aicr-pytest"],
        "Cmd": ["--help"],
        "User": _USER,
        "WorkingDir": "/tmp",
        "Labels": {
            "org.opencontainers.image.title": "aicr-pytest",
            "org.opencontainers.image.version": __version__,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }
    layers = [_base(), interpreter.layer(), _packages(needed(root)), _suite()]
    return Image(name=name_of(__version__), layers=layers, config=config)


def _base() -> bytes:
    """A root file system without a shell; of shared libraries, what loads the others."""
    layer = Layer()
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    images.system_directories(layer)
    for library in images.libraries([Path(sys.executable).resolve()]):
        if library.name.startswith("ld-"):
            layer.copy(library.resolve(), f"usr{library}")
    return layer.content()


def _packages(wanted: Mapping[str, str]) -> bytes:
    layer = Layer()
    extensions = []
    for name, block in sorted(wanted.items()):
        for path, source in sorted(_files(name, block).items()):
            layer.copy(source, f"{_HOME}/{path}")
            extensions += [source] if source.suffix == ".so" else []
    # What wheels expect of every system; libraries that come in a wheel are found beside it.
    for library in sorted(images.libraries(extensions)):
        if "site-packages" not in library.parts and not library.name.startswith("ld-"):
            layer.copy(library.resolve(), f"{interpreter.LIBRARIES}/{library.name}")
    return layer.content()


def _files(name: str, block: str) -> dict[str, Path]:
    """Files of an installed package; none where it is for other machines only."""
    head = block.splitlines()[0]
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        if ";" in head:
            return {}
        raise HostUnfit(f"{name} is not installed here", hint="scripts/setup.sh") from None
    version = head.partition("==")[2].split()[0]
    if found.version != version:
        raise HostUnfit(
            f"{name} {found.version} is installed, and the lock names {version}",
            hint="scripts/setup.sh",
        )
    return {
        path.as_posix(): Path(str(path.locate()))
        for path in found.files or ()
        if ".." not in path.parts and path.suffix != ".pyc" and path.name not in _OF_INSTALLERS
    }


def _suite() -> bytes:
    """Our package as the wheel has it, without the lab."""
    from aicr_pytest import locations

    package = Path(locations.__file__).parent
    layer = Layer()
    for source, inside in (
        (package, "aicr_pytest"),
        (locations.suite_dir(), "aicr_pytest/suite/conformance"),
        (locations.manifests_dir(), "aicr_pytest/suite/manifests"),
    ):
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                layer.copy(path, f"{_HOME}/{inside}/{path.relative_to(source).as_posix()}")
    own = metadata.distribution(_OWN)
    for name in ("METADATA", "entry_points.txt"):
        text = own.read_text(name) or ""
        layer.file(f"{_HOME}/aicr_pytest-{own.version}.dist-info/{name}", text.encode())
    layer.file("usr/local/bin/aicr-pytest", _SCRIPT, 0o755)
    return layer.content()


def _normal(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
