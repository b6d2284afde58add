"""What the lab did not make is not erased, whatever an option, a link or a mount leads to."""

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aicr_lab
from aicr_lab import startup
from aicr_lab.errors import LabError, NotOurs
from aicr_lab.ground import MARK, Ground, erase_tree, mounts_in
from aicr_lab.lab import HOLDS, Lab

PRECIOUS = "precious"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AICR_LAB_HOME; nothing of this machine's cgroups is looked at."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("AICR_LAB_HOME", str(home))
    monkeypatch.setattr("aicr_lab.machine.cgroups.Cgroups.remove", lambda self: None)
    monkeypatch.setattr("aicr_lab.machine.cgroups.Cgroups.leftover", lambda self: [])
    monkeypatch.setattr("aicr_lab.machine.cgroups.Cgroups.occupied", lambda self: False)
    monkeypatch.setattr("aicr_lab.machine.host.require_root", lambda: None)
    monkeypatch.setattr("aicr_lab.startup.start", lambda lab, options, say: lab.ground.take())
    return home


def foreign(directory: Path) -> Path:
    """A directory of somebody else."""
    (directory / "deep" / "deeper").mkdir(parents=True)
    (directory / "deep" / "deeper" / "file").write_text(PRECIOUS)
    (directory / "file").write_text(PRECIOUS)
    return directory


def assert_whole(directory: Path) -> None:
    assert (directory / "deep" / "deeper" / "file").read_text() == PRECIOUS
    assert (directory / "file").read_text() == PRECIOUS


def marked(home: Path, name: str = "x") -> Path:
    """A lab's directory with something of everything in it."""
    lab = Lab(name)
    lab.ground.take()
    foreign(lab.dir / "nodes" / "node-0")
    lab.record(boot_id="another", complete=False, options={}, port=1)
    (lab.dir / "admin.kubeconfig").touch()
    (lab.dir / ".lab.json.0123abcd").touch()
    (lab.dir / "init.json.new").touch()
    return lab.dir


def up(name: str = "x") -> list[str]:
    said: list[str] = []
    startup.up(Lab(name), None, said.append)
    return said


def down(name: str = "x") -> list[str]:
    said: list[str] = []
    Lab(name).down(said.append)
    return said


@pytest.mark.parametrize("command", [up, down])
def test_a_foreign_directory_is_refused_and_stays_whole(home: Path, command: object) -> None:
    directory = foreign(home / "x")
    with pytest.raises(NotOurs, match=r"(?s)home/x is left alone.*AICR_LAB_HOME and --name"):
        command()  # type: ignore[operator]
    assert_whole(directory)


@pytest.mark.parametrize("command", [up, down])
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"boot_id": "a", "name": "jupyter"}', b'{"what": "lab y"}'],
)
@pytest.mark.parametrize("file", ["lab.json", MARK])
def test_a_file_of_that_name_alone_does_not_make_it_ours(
    home: Path, command: object, content: bytes, file: str
) -> None:
    directory = foreign(home / "x")
    (directory / file).write_bytes(content)
    with pytest.raises(LabError):
        command()  # type: ignore[operator]
    assert_whole(directory)


@pytest.mark.parametrize("command", [up, down])
def test_a_link_in_its_place_is_refused(home: Path, tmp_path: Path, command: object) -> None:
    target = foreign(tmp_path / "target")
    (home / "x").symlink_to(target)
    with pytest.raises(NotOurs, match="link"):
        command()  # type: ignore[operator]
    assert_whole(target)


@pytest.mark.parametrize("command", [up, down])
def test_a_link_to_another_lab_is_refused(home: Path, tmp_path: Path, command: object) -> None:
    other = marked(home, "other")
    (home / "x").symlink_to(other)
    with pytest.raises(NotOurs, match="link"):
        command()  # type: ignore[operator]
    assert_whole(other / "nodes" / "node-0")


def test_a_home_behind_a_link_is_the_users_choice(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("AICR_LAB_HOME", str(tmp_path / "link"))
    up()
    assert (home / "x" / MARK).exists()
    down()
    assert list(home.iterdir()) == []
    foreign(home / "x")
    with pytest.raises(NotOurs):
        down()
    assert_whole(home / "x")


def test_a_renamed_lab_is_not_the_lab_of_its_new_name(home: Path) -> None:
    marked(home, "y").rename(home / "x")
    with pytest.raises(NotOurs, match=r"no aicr-lab\.json of lab x"):
        down()
    assert_whole(home / "x" / "nodes" / "node-0")


def test_what_a_lab_made_goes(home: Path) -> None:
    marked(home)
    assert down() == ["lab 'x' is down"]
    assert list(home.iterdir()) == []
    assert down() == ["lab 'x' is not there"]


def test_a_lab_of_an_earlier_version_goes(home: Path) -> None:
    (marked(home) / MARK).unlink()
    down()
    assert list(home.iterdir()) == []


def test_what_lies_beside_what_a_lab_made_stays_and_is_told(home: Path) -> None:
    directory = marked(home)
    (directory / "notes.txt").write_text(PRECIOUS)
    foreign(directory / "mine")
    said = down()
    assert f"{directory / 'notes.txt'} stays: the lab did not make it" in said
    assert sorted(path.name for path in directory.iterdir()) == ["mine", "notes.txt"]
    assert_whole(directory / "mine")
    with pytest.raises(NotOurs):
        up()
    assert_whole(directory / "mine")


def test_links_inside_are_removed_and_not_followed(home: Path, tmp_path: Path) -> None:
    target = foreign(tmp_path / "target")
    directory = marked(home)
    (directory / "nodes" / "node-0" / "link").symlink_to(target)
    (directory / "bin").symlink_to(target)
    down()
    assert not directory.exists()
    assert_whole(target)


@pytest.mark.parametrize("remains", [(), (MARK,)])
def test_an_empty_directory_and_one_only_begun_are_taken(
    home: Path, remains: tuple[str, ...]
) -> None:
    (home / "x").mkdir(mode=0o755)
    for name in remains:
        (home / "x" / name).touch()
    up()
    mark = json.loads((home / "x" / MARK).read_text())
    assert mark["what"] == "lab x"
    assert len(mark["id"]) == 16
    assert oct((home / "x" / MARK).stat().st_mode)[-3:] == "600"
    down()
    assert not (home / "x").exists()


def test_a_directory_only_begun_goes(home: Path) -> None:
    (home / "x").mkdir()
    (home / "x" / MARK).touch()
    down()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("command", [up, down])
def test_a_lab_of_that_name_elsewhere_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: object
) -> None:
    """Control groups have one place on a machine, whatever AICR_LAB_HOME is."""
    removed: list[object] = []
    monkeypatch.setattr("aicr_lab.machine.cgroups.Cgroups.occupied", lambda self: True)
    monkeypatch.setattr("aicr_lab.machine.cgroups.Cgroups.remove", removed.append)
    with pytest.raises(LabError, match="keeps its state elsewhere"):
        command()  # type: ignore[operator]
    assert removed == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_foreign_file_in_the_locks_place_is_not_removed(
    home: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "elsewhere").write_text(PRECIOUS)
    lock = home / ".x.lock"
    if kind == "link":
        lock.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(LabError, match="cannot be locked"):
            down()
    else:
        lock.write_text(PRECIOUS)
        down()
    assert lock.read_text() == PRECIOUS


def test_everything_that_is_put_at_a_labs_top_is_among_what_it_holds() -> None:
    package = Path(aicr_lab.__file__).parent
    sources = (package / "lab.py", *package.glob("defects/**/*.py"))
    texts = [path.read_text() for path in sources]
    named = {
        name for text in texts for name in re.findall(r'\b(?:lab|self)\.dir / f?"([^"]+)"', text)
    }
    assert {"lab.json", "nodes", "logs"} <= named
    unknown = {n for n in named if not any(fnmatch.fnmatchcase(n, each) for each in HOLDS)}
    assert unknown == set()


def test_mount_points_are_read_as_the_kernel_writes_them() -> None:
    mountinfo = (
        "1 0 8:1 / / rw - ext4 /dev/vda rw\n"
        "2 1 8:1 /a /labs/a\\040b/c rw shared:1 - ext4 /dev/vda rw\n"
        "3 1 8:1 /a /labs/a rw - ext4 /dev/vda rw\n"
    )
    assert mounts_in(Path("/labs/a b"), mountinfo) == [Path("/labs/a b/c")]
    assert mounts_in(Path("/labs/a"), mountinfo) == [Path("/labs/a")]


IN_A_MOUNT_NAMESPACE = """
import sys
from pathlib import Path
from aicr_lab.ground import Ground, erase_tree
from aicr_lab.errors import NotOurs
command, directory = sys.argv[1], Path(sys.argv[2])
try:
    if command == "tree":
        print(*erase_tree(directory))
    else:
        ground = Ground(directory=directory, what="lab x", way_out="")
        print(ground.erase() if command == "erase" else ground.take())
except NotOurs as error:
    print(error)
"""


def mounted(what: Path, where: Path, command: str, directory: Path) -> str:
    """What a command says in a mount namespace where something lies on a place."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    python = (sys.executable, "-c", IN_A_MOUNT_NAMESPACE, command, str(directory))
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-ec", script, "sh", str(what), str(where), *python],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("place", [".", "nodes", "nodes/node-0/file"])
@pytest.mark.parametrize("command", ["erase", "take"])
def test_a_mount_on_or_in_it_ends_the_removal_before_it_begins(
    home: Path, tmp_path: Path, place: str, command: str
) -> None:
    directory, other = marked(home), foreign(tmp_path / "other")
    source = other / "file" if place.endswith("file") else other
    assert "something is mounted on" in mounted(source, directory / place, command, directory)
    assert_whole(other)
    assert_whole(directory / "nodes" / "node-0")


def test_a_mount_that_comes_late_is_not_entered(tmp_path: Path) -> None:
    tree, other = foreign(tmp_path / "tree"), foreign(tmp_path / "other")
    (tree / "on").mkdir()
    said = mounted(other, tree / "on", "tree", tree)
    assert said.strip() == f"{tree / 'on'}: something is mounted there"
    assert_whole(other)
    assert [path.name for path in tree.iterdir()] == ["on"]


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    tree = foreign(tmp_path / "tree")
    assert erase_tree(tree) == []
    assert not tree.exists()


def test_a_directory_of_another_user_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(directory=tmp_path / "a", what="lab a", way_out="")
    ground.take()
    assert ground.ours
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert not ground.ours
