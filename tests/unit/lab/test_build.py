import dataclasses
import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import pytest

from aicr_lab.addons import catalogue
from aicr_lab.build import builder
from aicr_lab.build.artifacts import kubernetes_version, version_flags
from aicr_lab.build.builder import Artifact, Builder, Command, fingerprint, locate, take_cache
from aicr_lab.build.images import ensure_archive_of
from aicr_lab.errors import BuildFailed, HostUnfit, LabError, NotOurs
from aicr_lab.ground import MARK
from aicr_lab.startup import artifacts_of


def artifact(source: Path, script: str = "cp source {out}/result") -> Artifact:
    (source / "source").write_text("one")
    return Artifact(
        name="thing",
        outputs=("result",),
        sources=(source / "source",),
        commands=(Command(argv=("/bin/sh", "-ec", script), cwd=source),),
        tools=(),
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_what_is_built_is_not_built_again(source: Path, cache: Path) -> None:
    said: list[str] = []
    thing = artifact(source)
    Builder(cache).ensure([thing], said.append)
    assert Builder(cache).file(thing, "result").read_text() == "one"
    assert [line.split()[0] for line in said] == ["building", "built"]
    Builder(cache).ensure([thing], said.append)
    assert len(said) == 2


def test_a_changed_source_is_built_anew(source: Path, cache: Path) -> None:
    thing = artifact(source)
    before = fingerprint(thing)
    (source / "source").write_text("two")
    assert fingerprint(thing) != before
    Builder(cache).ensure([thing], lambda _: None)
    assert Builder(cache).file(thing).read_text() == "two"


def test_a_changed_command_is_built_anew(source: Path) -> None:
    one = fingerprint(artifact(source))
    assert fingerprint(artifact(source, "cp source {out}/result; :")) != one


def test_two_clones_share_a_build(tmp_path: Path) -> None:
    prints = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        prints.add(fingerprint(artifact(tmp_path / name)))
    assert len(prints) == 1


def test_two_clones_share_what_their_own_python_makes(
    monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    prints = set()
    for clone in ("/srv/a", "/srv/b"):
        monkeypatch.setattr(sys, "executable", f"{clone}/.venv/bin/python")
        monkeypatch.setattr(builder, "_PROJECT", Path(clone))
        made = Command(
            argv=(sys.executable, "-m", "program", "{out}/result"),
            cwd=source,
            env=(("PYTHONPATH", clone),),
        )
        prints.add(fingerprint(dataclasses.replace(artifact(source), commands=(made,))))
    assert len(prints) == 1


def test_archives_of_other_clones_stay_for_a_day(cache: Path) -> None:
    def archive(fingerprint: str) -> Path:
        return ensure_archive_of(cache, "images", fingerprint, list, lambda _: None)

    forgotten, used, other = archive("0001"), archive("0002"), archive("0003")
    for old in (forgotten, used):
        os.utime(old, (0, 0))
    assert archive("0002") == used

    new = archive("0004")

    assert {*cache.glob("images-*.tar")} == {used, other, new}


def test_a_need_is_built_first_and_its_place_is_filled_in(source: Path, cache: Path) -> None:
    later = Artifact(
        name="later",
        outputs=("copy",),
        sources=(),
        commands=(Command(argv=("/bin/cp", "{needs:thing}/result", "{out}/copy"), cwd=source),),
        needs=(artifact(source),),
        tools=(),
    )
    Builder(cache).ensure([later], lambda _: None)
    assert Builder(cache).file(later).read_text() == "one"


def test_a_failed_build_leaves_nothing_and_shows_the_compilers_words(
    source: Path, cache: Path
) -> None:
    thing = artifact(source, "echo undefined: foo; exit 3")
    with pytest.raises(BuildFailed, match=r"(?s)ended with 3.*undefined: foo"):
        Builder(cache).ensure([thing], lambda _: None)
    assert not Builder(cache).built(thing)
    with pytest.raises(LabError, match="not built"):
        Builder(cache).file(thing)


def test_a_build_without_its_output_has_failed(source: Path, cache: Path) -> None:
    with pytest.raises(BuildFailed, match="left no result"):
        Builder(cache).ensure([artifact(source, "true")], lambda _: None)


def test_a_full_disk_is_said_in_words(source: Path, cache: Path) -> None:
    thing = artifact(source, "echo write: no space left on device; exit 1")
    with pytest.raises(BuildFailed, match="the disk is full"):
        Builder(cache).ensure([thing], lambda _: None)


def test_too_little_space_is_seen_before_the_build(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(source)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(HostUnfit, match="AICR_LAB_CACHE"):
        Builder(cache).ensure([artifact(source)], lambda _: None)


def _build(source: Path, cache: Path, script: str) -> None:
    Builder(cache).ensure([artifact(source, script)], lambda _: None)


def test_a_killed_build_is_redone(source: Path, cache: Path) -> None:
    # The same command both times, so the same hash: it waits only while the file "slow" is there.
    script = "cp source {out}/result; : > {out}/begun; while [ -e slow ]; do sleep 0.05; done"
    (source / "slow").write_text("")
    context = multiprocessing.get_context("spawn")
    first = context.Process(target=_build, args=(source, cache, script))
    first.start()
    while not list(cache.glob(".thing.*/begun")):
        assert first.is_alive()
    first.kill()
    first.join()
    thing = artifact(source, script)
    assert not Builder(cache).built(thing), "half a build must not pass for one"
    (source / "slow").unlink()
    Builder(cache).ensure([thing], lambda _: None)
    assert Builder(cache).file(thing).read_text() == "one"
    assert not list(cache.glob(".thing.*"))


def test_progress_is_told_while_it_takes_long(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "_PROGRESS_EVERY", 0.05)
    said: list[str] = []
    script = "sleep 0.3; cp source {out}/result"
    Builder(cache).ensure([artifact(source, script)], said.append)
    assert sum(line.startswith("building thing: ") for line in said) >= 2


def test_a_missing_compiler_is_named_with_the_way_out(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(source))
    builder._version.cache_clear()
    thing = builder.c_program("thing", source / "source")
    (source / "source").write_text("")
    with pytest.raises(HostUnfit, match="install a C compiler"):
        Builder(cache).ensure([thing], lambda _: None)
    builder._version.cache_clear()


def test_old_go_is_named_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.19.8\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    builder._version.cache_clear()

    with pytest.raises(HostUnfit, match=r"go1\.19\.8 is too old\n  install Go 1\.26 or newer"):
        builder._version("go")
    builder._version.cache_clear()


def test_components_say_the_version_of_their_module() -> None:
    go_mod = "module x\n\nrequire (\n\tk8s.io/kubernetes v1.37.2\n\tk8s.io/api v0.37.2\n)\n"
    assert kubernetes_version(go_mod) == "v1.37.2"
    flags = version_flags("v1.37.2").split()
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"{package}.gitVersion=v1.37.2" in flags
        assert f"{package}.gitMinor=37" in flags
    with pytest.raises(LabError):
        kubernetes_version("require k8s.io/kubernetes v1.37.0-rc.1\n")


def test_every_artifact_of_the_lab_has_a_name_of_its_own() -> None:
    names = [artifact.name for artifact in artifacts_of(catalogue.names())]
    assert len(set(names)) == len(names)
    assert names[0] == "aicr-init"
    assert {"kubernetes", "nvidia-driver", "kueue-manifest"} <= set(names)


def test_one_file_of_several_has_to_be_named(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_LAB_CACHE", str(cache))
    two = dataclasses.replace(
        artifact(source, "touch {out}/result {out}/other"), outputs=("result", "other")
    )
    Builder(cache).ensure([two], lambda _: None)
    assert locate(two, "other").name == "other"
    for wrong in ("", "third"):
        with pytest.raises(LabError, match="thing makes result, other, not "):
            locate(two, wrong)


def test_a_cache_that_holds_something_else_is_refused_and_stays(source: Path, cache: Path) -> None:
    (cache / ".thing.mine").mkdir(parents=True)
    (cache / "thing.log").write_text("precious")
    with pytest.raises(NotOurs, match=r"(?s)cache is left alone.*AICR_LAB_CACHE"):
        Builder(cache).ensure([artifact(source)], lambda _: None)
    assert (cache / ".thing.mine").is_dir()
    assert (cache / "thing.log").read_text() == "precious"


def test_a_cache_of_an_earlier_version_is_taken_as_it_is(source: Path, cache: Path) -> None:
    thing = artifact(source)
    Builder(cache).ensure([thing], lambda _: None)
    (cache / MARK).unlink()
    (source / "source").write_text("two")
    Builder(cache).ensure([thing], lambda _: None)
    assert len(list(cache.glob("thing-*/built.json"))) == 2
    assert (cache / MARK).exists()


def test_an_unfinished_build_that_is_a_link_does_not_lead_elsewhere(
    source: Path, cache: Path, tmp_path: Path
) -> None:
    take_cache(cache)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("precious")
    (cache / ".thing.link").symlink_to(tmp_path / "elsewhere")
    Builder(cache).ensure([artifact(source)], lambda _: None)
    assert not (cache / ".thing.link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "precious"
