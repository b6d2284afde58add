"""The lab's programs, built once and kept outside the repository.

Each artifact lies in ``<cache>/<artifact>-<hash>/``, the hash covering its sources, its commands
and the compilers' versions. It is built in a temporary directory and renamed, so that a killed
build leaves nothing that could be taken for a result; the compilers' own caches make the second
try short.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.errors import BuildFailed, HostUnfit, LabError, last_lines
from aicr_lab.ground import Ground, erase_tree
from aicr_lab.needs import Say
from aicr_lab.state import locked

_LAB = Path(__file__).resolve().parent.parent
GO_MODULES = _LAB / "go"
"""Directory of the lab's Go modules."""
C_SOURCES = _LAB / "c"
"""Directory of the lab's programs in C."""

_WITHOUT_C = ("netgo", "osusergo")
"""Tags: these packages of the standard library call no C, whatever else does."""
_PROGRESS_EVERY = 10.0
_PROJECT = Path(__file__).parents[2]
_MARKER = "built.json"
# Linking the kubernetes binary needs more than half of this in temporary files alone.
_FREE_BYTES = 3 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One step of a build.

    ``{out}`` in its words is the directory to build into, ``{needs:NAME}`` that of an artifact
    in ``Artifact.needs``.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Programs or files that are built together."""

    name: str
    outputs: tuple[str, ...]
    """Files that must be there afterwards."""
    sources: tuple[Path, ...]
    """Files and directories that the result is made from."""
    commands: tuple[Command, ...]
    needs: "tuple[Artifact, ...]" = ()
    """Artifacts that must be built before."""
    tools: tuple[str, ...] = ("go",)
    """Compilers whose version is part of the hash: ``go``, ``gcc``."""


def cache_dir() -> Path:
    """Where built programs are kept."""
    if chosen := os.environ.get("AICR_LAB_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").resolve() / "aicr-lab"


def take_cache(cache: Path) -> None:
    """Make the directory of built programs ours; refuse one that holds something else.

    Old builds, unfinished ones and old archives are removed in there, and logs are written anew.
    """
    Ground(
        directory=cache,
        what="cache",
        way_out="set AICR_LAB_CACHE to a directory that is new, empty or the lab's own",
        private=False,
        known_of_old=_made_by_an_earlier_version,
    ).take()


def _made_by_an_earlier_version(cache: Path) -> bool:
    names = [path.parent.name for path in cache.glob(f"*/{_MARKER}")]
    return any(re.fullmatch(r".+-[0-9a-f]{16}", name) for name in names)


def go_artifact(
    name: str,
    module: Path,
    packages: Sequence[str],
    outputs: Sequence[str],
    *,
    ldflags: str = "",
    tags: str = "",
    cgo: bool = False,
) -> Artifact:
    """Programs of one Go module; the module's sums pin what is downloaded."""
    argv = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly"]
    # What the linker drops need not be compiled: an eighth of the time.
    argv += ["-gcflags=all=-dwarf=false", "-ldflags", f"-s -w {ldflags}".strip()]
    # With them cgo has the standard library that the others have: it is compiled once.
    if tags := " ".join([tags, *(_WITHOUT_C if cgo else ())]).strip():
        argv += ["-tags", tags]
    return Artifact(
        name=name,
        outputs=tuple(outputs),
        sources=(module,),
        commands=(
            Command(
                argv=(*argv, "-o", "{out}/", *packages),
                cwd=module,
                env=(("CGO_ENABLED", "1" if cgo else "0"), ("GOFLAGS", "")),
            ),
        ),
        tools=("go", "gcc") if cgo else ("go",),
    )


def c_program(name: str, source: Path, *, flags: Sequence[str] = ()) -> Artifact:
    """A program of one C file."""
    return Artifact(
        name=name,
        outputs=(name,),
        sources=(source,),
        commands=(
            Command(
                argv=(
                    "gcc",
                    "-O2",
                    "-Wall",
                    "-Wextra",
                    *flags,
                    "-o",
                    f"{{out}}/{name}",
                    str(source),
                ),
                cwd=source.parent,
            ),
        ),
        tools=("gcc",),
    )


def fingerprint(artifact: Artifact) -> str:
    """The hash of everything that an artifact is made from."""
    digest = hashlib.sha256()
    for tool in artifact.tools:
        digest.update(f"{tool} {_version(tool)}\n".encode())
    for need in artifact.needs:
        digest.update(f"needs {need.name} {fingerprint(need)}\n".encode())
    for command in artifact.commands:
        said = json.dumps([command.argv, command.env])
        # The place of the sources is not part of what is made: two clones share a build.
        for place, name in (
            (str(command.cwd), "."),
            (sys.executable, "python"),
            (str(_PROJECT), "."),
        ):
            said = said.replace(place, name)
        digest.update(f"{said}\n".encode())
    for source in artifact.sources:
        for file in _files(source):
            digest.update(f"{file.relative_to(source.parent)}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def locate(artifact: Artifact, output: str = "") -> Path:
    """Find a built file: the one named, or the only one of the artifact."""
    # Asked many times during one ``up``; sources do not change meanwhile.
    return _locate(artifact, output, cache_dir())


@functools.cache
def _locate(artifact: Artifact, output: str, cache: Path) -> Path:
    return Builder(cache).file(artifact, output)


class Builder:
    """Builds artifacts and finds them again."""

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache or cache_dir()

    def directory(self, artifact: Artifact) -> Path:
        """Where an artifact lies once it is built."""
        return self._cache / f"{artifact.name}-{fingerprint(artifact)}"

    def file(self, artifact: Artifact, output: str = "") -> Path:
        """A built file, the only one unless it is named; an error when it is not built."""
        found = [name for name in artifact.outputs if output in ("", name)]
        if len(found) != 1:
            made = ", ".join(artifact.outputs)
            raise LabError(f"{artifact.name} makes {made}, not {output or 'one file'}")
        path = self.directory(artifact) / found[0]
        if not path.exists():
            raise LabError(f"{artifact.name} is not built", hint="python -m aicr_lab up builds it")
        return path

    def built(self, artifact: Artifact) -> bool:
        """Whether an artifact is there, whole."""
        return (self.directory(artifact) / _MARKER).exists()

    def ensure(self, artifacts: Iterable[Artifact], say: Say) -> None:
        """Build what is not there yet, one after the other."""
        for artifact in artifacts:
            if not self.built(artifact):
                self.ensure(artifact.needs, say)
                self._build(artifact, say)

    def _build(self, artifact: Artifact, say: Say) -> None:
        take_cache(self._cache)
        lock = self._cache / f"{artifact.name}.lock"
        with locked(lock, busy=f"{artifact.name} is being built by another process; waiting"):
            if self.built(artifact):
                return
            _require_space(self._cache)
            self._drop_unfinished(artifact.name)
            partial = Path(tempfile.mkdtemp(prefix=f".{artifact.name}.", dir=self._cache))
            started = time.monotonic()
            say(f"building {artifact.name}")
            for command in artifact.commands:
                self._run(artifact, command, partial, say, started)
            missing = [name for name in artifact.outputs if not (partial / name).exists()]
            if missing:
                raise BuildFailed(f"{artifact.name}: the build left no {', '.join(missing)}")
            seconds = time.monotonic() - started
            (partial / _MARKER).write_text(json.dumps({"seconds": round(seconds, 1)}) + "\n")
            partial.chmod(0o755)
            partial.rename(self.directory(artifact))
            say(f"built {artifact.name} in {_duration(seconds)}")

    def _drop_unfinished(self, name: str) -> None:
        for left in self._cache.glob(f".{name}.*"):
            erase_tree(left)

    def _run(
        self, artifact: Artifact, command: Command, out: Path, say: Say, started: float
    ) -> None:
        words = [self._fill(artifact, word, out) for word in command.argv]
        log = self._cache / f"{artifact.name}.log"
        env = _environment() | dict(command.env)
        try:
            with log.open("wb") as output:
                code = _run_with_progress(
                    words,
                    command.cwd,
                    env,
                    output.fileno(),
                    lambda: say(
                        f"building {artifact.name}: {_duration(time.monotonic() - started)}"
                    ),
                )
        except FileNotFoundError as error:
            raise HostUnfit(
                f"{words[0]} is not installed", hint=_TOOL_HINTS.get(words[0], "")
            ) from error
        if code:
            raise BuildFailed(
                f"{artifact.name} cannot be built ({words[0]} ended with {code}); last lines of "
                f"{log}:\n{last_lines(log)}",
                hint=_failure_hint(log),
            )

    def _fill(self, artifact: Artifact, word: str, out: Path) -> str:
        word = word.replace("{out}", str(out))
        for need in artifact.needs:
            word = word.replace(f"{{needs:{need.name}}}", str(self.directory(need)))
        return word


_OLDEST_GO = (1, 26)
_TOOL_HINTS = {
    "go": "install Go 1.26 or newer and put it on PATH",
    "gcc": "install a C compiler (Debian: apt-get install gcc libc6-dev)",
}


@functools.cache
def _version(tool: str) -> str:
    argv = ["go", "env", "GOVERSION"] if tool == "go" else [tool, "-dumpfullversion"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env=_environment())
    except (OSError, subprocess.CalledProcessError) as error:
        raise HostUnfit(f"{tool} does not run: {error}", hint=_TOOL_HINTS[tool]) from error
    version = done.stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < _OLDEST_GO:
        # Modules that want a newer one end their builds with words that name none.
        raise HostUnfit(f"{version} is too old", hint=_TOOL_HINTS[tool])
    return version


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _environment() -> dict[str, str]:
    # A toolchain download in the middle of a build would make the version in the hash a lie.
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _run_with_progress(
    argv: Sequence[str], cwd: Path, env: dict[str, str], output: int, report: Callable[[], None]
) -> int:
    # A group of its own: compilers start children, and an interrupted build ends all of them.
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=_PROGRESS_EVERY)
            report()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _require_space(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < _FREE_BYTES:
        raise HostUnfit(
            f"{directory} has {free / 2**30:.1f} GB free, a build needs {_FREE_BYTES >> 30} GB",
            hint="free some space, or set AICR_LAB_CACHE to a larger disk",
        )


def _failure_hint(log: Path) -> str:
    text = last_lines(log)
    if "no space left" in text.lower():
        return "the disk is full: free some space, or set AICR_LAB_CACHE, GOCACHE and TMPDIR"
    if "dial tcp" in text or "i/o timeout" in text:
        return "Go modules cannot be downloaded: check GOPROXY and the network"
    if "signal: killed" in text:
        return "the kernel ended the compiler: linking needs about 4 GB of free memory"
    return ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
