"""Set-up looks for programs, removes no package, and asks whoever is there."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aicr_lab import needs
from aicr_lab.build import images
from aicr_lab.errors import HostUnfit
from aicr_lab.needs import Need

# A stand-in that does as told by files beside it, and writes down what it was asked.
APT = """\
#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/asked"
case "$*" in
  *update*) touch "$here/lists"; exit ;;
  *install*--no-remove*) ;;
  *) exit 99 ;;
esac
[ -e "$here/lists" ] || { echo "E: Unable to locate package runc" >&2; exit 100; }
if [ -e "$here/removes" ]; then
  cat "$here/removes"
  echo "E: Packages need to be removed but remove is disabled." >&2
  exit 100
fi
case "$*" in *--simulate*) ;; *) touch "$here/installed" ;; esac
"""
# As apt-get 2.6 says it where containerd.io conflicts with runc.
CONFLICT = """\
Reading package lists...
The following packages will be REMOVED:
  containerd.io docker-ce
  docker-ce-rootless-extras*
The following NEW packages will be installed:
  runc
0 upgraded, 1 newly installed, 3 to remove and 138 not upgraded.
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a stand-in for apt-get, which is the first on the PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "apt-get").write_text(APT)
    (directory / "apt-get").chmod(0o755)
    (directory / "lists").touch()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.delenv("AICR_NO_INSTALL", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return directory


def need(apt: Path, package: str = "runc") -> Need:
    """Something that is there once the stand-in has installed it."""
    return Need(package=package, why="starts containers", there=(apt / "installed").exists)


def asked(apt: Path) -> list[str]:
    return (apt / "asked").read_text().splitlines() if (apt / "asked").exists() else []


def test_what_is_missing_is_installed_and_told_with_its_reason(apt: Path) -> None:
    said: list[str] = []
    needs.ensure([need(apt)], said.append)
    assert said == [f"installing with apt-get:\n  {'runc':<28} starts containers"]
    assert "--no-remove" in asked(apt)[-1]
    assert asked(apt)[-1].endswith("runc")


def test_only_what_is_missing_is_installed(apt: Path) -> None:
    there = Need(package="nftables", why="", there=lambda: True)
    needs.ensure([there, need(apt)], lambda _: None)
    assert not any("nftables" in line for line in asked(apt))


def test_nothing_is_asked_of_apt_where_nothing_is_missing(apt: Path) -> None:
    (apt / "installed").touch()
    needs.ensure([need(apt)], lambda _: None)
    assert asked(apt) == []


def test_a_package_that_would_remove_others_is_refused_by_name(apt: Path) -> None:
    (apt / "removes").write_text(CONFLICT)
    with pytest.raises(
        HostUnfit, match=r"would remove containerd\.io, docker-ce, docker-ce-r\S+s; nothing"
    ):
        needs.ensure([need(apt)], lambda _: None)
    assert [line for line in asked(apt) if "--simulate" not in line] == []
    assert not (apt / "installed").exists()


def test_empty_lists_of_a_fresh_machine_are_filled(apt: Path) -> None:
    (apt / "lists").unlink()
    needs.ensure([need(apt)], lambda _: None)
    assert next(line for line in asked(apt) if "--simulate" not in line) == "-q update"
    assert (apt / "installed").exists()


@pytest.mark.parametrize("value", ["1", "yes"])
def test_no_install_means_that_nothing_is(
    apt: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AICR_NO_INSTALL", value)
    with pytest.raises(HostUnfit, match=r"(?s)runc .*AICR_NO_INSTALL.*apt-get install --no-remove"):
        needs.ensure([need(apt)], lambda _: None)
    assert asked(apt) == []


def test_without_root_the_command_is_told(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostUnfit, match=r"as root: apt-get install --no-remove runc"):
        needs.ensure([need(apt)], lambda _: None)
    assert asked(apt) == []


def test_a_package_that_does_not_help_is_told(apt: Path) -> None:
    never = Need(package="runc", why="", there=lambda: False)
    with pytest.raises(HostUnfit, match="still missing"):
        needs.ensure([never], lambda _: None)


AT_A_TERMINAL = """
import os, sys
from pathlib import Path
from aicr_lab import needs
os.geteuid = lambda: 0
there = Path(sys.argv[1]).exists
need = needs.Need(package="runc", why="starts containers", there=there)
try:
    needs.ensure([need], lambda text: None)
except needs.HostUnfit as error:
    print(error)
"""


def at_a_terminal(apt: Path, answer: str) -> tuple[str, str]:
    """What a person sees who answers so, and what the program says in the end."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [sys.executable, "-c", AT_A_TERMINAL, str(apt / "installed")],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
    )
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    return seen, done.stdout


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "Y\n"])
def test_a_person_is_asked_and_may_say_yes(apt: Path, answer: str) -> None:
    seen, _ = at_a_terminal(apt, answer)
    assert (apt / "installed").exists()
    assert "runc                         starts containers\r\n" in seen
    assert seen.endswith("Install them with apt-get? [y/N] ")


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "perhaps\n"])
def test_any_other_answer_installs_nothing(apt: Path, answer: str) -> None:
    _, said = at_a_terminal(apt, answer)
    assert said.startswith("nothing was done\n  yourself, before the next try: apt-get install")
    assert asked(apt) == []


@pytest.mark.parametrize("terminal", [True, False])
def test_who_sits_at_a_terminal_that_pytest_has_finds_nothing_installed(
    apt: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(needs, "_terminal_exists", lambda: terminal)
    if terminal:
        with pytest.raises(HostUnfit, match=r"(?s)runc .*unasked.*python -m aicr_lab up asks"):
            needs.ensure_that_nobody_is_to_be_asked([need(apt)])
    else:
        needs.ensure_that_nobody_is_to_be_asked([need(apt)])
    (apt / "installed").touch()
    needs.ensure_that_nobody_is_to_be_asked([need(apt)])


def test_programs_are_looked_for_and_not_packages(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where containerd.io brings runc: dpkg knows of no package of that name."""
    (apt / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
    (apt / "dpkg-query").chmod(0o755)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("runc", "busybox", "nft", "ip", "mount", "gcc"):
        (programs / name).symlink_to(shutil.which("true") or "/bin/true")
    (programs / "bridge").touch()
    monkeypatch.setattr(needs, "PATH", str(programs))
    monkeypatch.setattr(needs, "CNI_DIRECTORIES", (programs,))
    needs.ensure(needs.OF_THE_LAB, lambda _: None)
    assert asked(apt) == []
    (programs / "runc").unlink()
    with pytest.raises(HostUnfit, match="still missing after apt-get installed runc"):
        needs.ensure(needs.OF_THE_LAB, lambda _: None)


@pytest.mark.parametrize("name", needs.BROWSERS)
def test_any_browser_will_do(apt: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATH", str(apt))
    (chromium,) = needs.OF_THE_TESTS
    assert not chromium.there()
    (apt / name).write_text("")
    (apt / name).chmod(0o755)
    assert chromium.there()


def test_a_compiler_counts_where_it_compiles(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert needs.compiles()
    (apt / "gcc").write_text("#!/bin/sh\necho 'stdlib.h: No such file' >&2; exit 1\n")
    (apt / "gcc").chmod(0o755)
    assert not needs.compiles()


def test_the_script_asks_apt_for_nothing_on_this_machine(apt: Path) -> None:
    """What runs these tests has everything; the module needs nothing beyond Python's library."""
    repository = Path(needs.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _ALONE, str(repository), "test"],
        cwd=repository,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert asked(apt) == []


_ALONE = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("aicr_lab.needs", run_name="__main__")
"""


def test_a_busybox_with_libraries_takes_them_into_its_image(tmp_path: Path) -> None:
    listing = tmp_path / "busybox"
    shutil.copy(shutil.which("env") or "/usr/bin/env", listing)
    files = images.with_libraries({"bin/busybox": listing})
    assert any(path.startswith("usr/lib") for path in files)
