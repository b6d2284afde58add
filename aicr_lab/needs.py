"""What has to be installed on this machine, and how it gets there: with its user's consent.

Programs are looked for, not packages: who brings runc does not matter. What is missing is installed
by apt-get, which is told to remove nothing; a person at a terminal is asked first.

    python -m aicr_lab.needs [test]     what scripts/setup.sh runs, before there is a .venv
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.errors import HostUnfit

Say = Callable[[str], None]

NO_INSTALL = "AICR_NO_INSTALL"
"""Set to 1, nothing is installed and no kernel module loaded: what is missing is an error."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the lab's components look for programs, whatever the caller's PATH is."""

CNI_DIRECTORIES = tuple(Path(path) for path in ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The program `pause` is linked without shared libraries.
_C_PROGRAM = "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that has to be there, and the Debian package that brings it."""

    package: str
    why: str
    """What it is for; a line in the question whether it may be installed."""
    there: Callable[[], bool]


def program(*names: str, path: str | None = None) -> Path | None:
    """The first of some programs that is where the lab's components look."""
    found = (shutil.which(name, path=path or PATH) for name in names)
    return next((Path(each) for each in found if each), None)


def cni_directories() -> list[Path]:
    """Where the CNI plugins lie."""
    return [directory for directory in CNI_DIRECTORIES if (directory / "bridge").exists()]


def compiles() -> bool:
    """Whether C programs can be built: a compiler, the C library's headers and its archive."""
    with tempfile.TemporaryDirectory(prefix="aicr-lab-") as scratch:
        source = Path(scratch, "a.c")
        source.write_text(_C_PROGRAM)
        command = ["gcc", "-static", "-o", str(source.with_suffix("")), str(source)]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def _programs(package: str, why: str, *names: str) -> Need:
    return Need(package=package, why=why, there=lambda: program(*names) is not None)


OF_THE_LAB = (
    _programs("runc", "runc starts the lab's containers", "runc"),
    Need(
        package="containernetworking-plugins",
        why="the CNI plugins connect its pods",
        there=lambda: bool(cni_directories()),
    ),
    _programs("busybox-static", "busybox is what its small images are made of", "busybox"),
    _programs("nftables", "nft holds kube-proxy's rules, inside the nodes", "nft"),
    _programs("iproute2", "ip makes its network, in namespaces of its own", "ip"),
    _programs("mount", "mount makes the file systems of its nodes", "mount"),
    _programs("gcc", "gcc builds its small C programs", "gcc"),
    Need(package="libc6-dev", why="C headers, for the same", there=compiles),
)
OF_THE_PROJECT = (
    Need(
        package="python3-venv",
        why="makes .venv, where everything of Python's goes",
        there=lambda: (
            Path(".venv/bin/python").exists() or importlib.util.find_spec("ensurepip") is not None
        ),
    ),
)
OF_THE_TESTS = (
    Need(
        package="chromium",
        why="a browser opens the reports in the tests",
        there=lambda: any(shutil.which(name) for name in BROWSERS),
    ),
)


def ensure(needs: Sequence[Need], say: Say) -> None:
    """Installs what is missing; says what and why, and asks a person who is there.

    Raises:
        HostUnfit: something is missing and may not or cannot be installed; names the packages.
    """
    missing = [need for need in needs if not need.there()]
    if not missing:
        return
    packages, listed = [need.package for need in missing], _listed(missing)
    command = f"apt-get install --no-remove {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise HostUnfit(
            f"missing (names of Debian packages):\n{listed}",
            hint="install what provides them on this system",
        )
    if os.geteuid() != 0:
        raise HostUnfit(f"missing (Debian packages):\n{listed}", hint=f"as root: {command}")
    consent(f"missing (Debian packages):\n{listed}", "Install them with apt-get?", command)
    say(f"installing with apt-get:\n{listed}")
    _install(packages, command)
    left = [need.package for need in missing if not need.there()]
    if left:
        raise HostUnfit(f"still missing after apt-get installed {', '.join(left)}", hint=command)


def ensure_that_nobody_is_to_be_asked(needs: Sequence[Need]) -> None:
    """For where somebody else has the terminal: what is missing is an error if a person is there.

    Raises:
        HostUnfit: something is missing, and its user sits at a terminal that we do not have.
    """
    missing = [need for need in needs if not need.there()]
    if missing and _terminal_exists():
        raise HostUnfit(
            f"missing (Debian packages):\n{_listed(missing)}\nand nothing is installed unasked",
            hint="python -m aicr_lab up asks, and installs them",
        )


def _terminal_exists() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _listed(missing: Sequence[Need]) -> str:
    return "\n".join(f"  {need.package:<28} {need.why}" for need in missing)


def consent(what: str, question: str, by_hand: str) -> None:
    """Return when this machine may be changed; ask where a person is at the terminal.

    Raises:
        HostUnfit: the answer is no, or ``AICR_NO_INSTALL`` is set.
    """
    if os.environ.get(NO_INSTALL, "0") not in ("", "0"):
        raise HostUnfit(f"{what}\nand {NO_INSTALL} is set: nothing was done", hint=by_hand)
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    sys.stderr.write(f"{what}\n{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise HostUnfit("nothing was done", hint=f"yourself, before the next try: {by_hand}")


def _install(packages: Sequence[str], command: str) -> None:
    install = ("install", "--no-remove", "--no-install-recommends", *packages)
    plan = _apt("--simulate", *install)
    if plan.returncode and not _removed(plan.stdout):
        # The lists of a fresh machine are empty.
        _apt("update")
        plan = _apt("--simulate", *install)
    if removed := _removed(plan.stdout):
        raise HostUnfit(
            f"{', '.join(packages)}: apt-get would remove {', '.join(removed)}; nothing was done",
            hint=f"install what the packages bring by other means, or decide yourself: "
            f"apt-get install {' '.join(packages)}",
        )
    done = _apt("--yes", *install) if plan.returncode == 0 else plan
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise HostUnfit(f"{', '.join(packages)} cannot be installed: {reason}", hint=command)


def _removed(plan: str) -> list[str]:
    """Packages that apt-get's simulation would take away, were it not told to remove nothing."""
    _, _, rest = plan.partition("The following packages will be REMOVED:\n")
    listed = itertools.takewhile(lambda line: line.startswith(" "), rest.splitlines())
    return [name.rstrip("*") for line in listed for name in line.split()]


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", "-q", *arguments],
        # What is read here is not translated.
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def main(arguments: Iterable[str]) -> int:
    """Sees to what this project needs, with ``test`` also to what its tests need."""
    needs = (*OF_THE_PROJECT, *OF_THE_LAB, *(OF_THE_TESTS if "test" in arguments else ()))
    try:
        ensure(needs, _say)
    except HostUnfit as error:
        _say(str(error))
        # Elsewhere than on Debian a lab may never be wanted; `up` looks again.
        return 1 if shutil.which("apt-get") else 0
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
