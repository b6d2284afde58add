"""Which runs may be merged: those of one cluster, one version and one suite."""

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence import checksums
from aicr_pytest.evidence.record import CheckRecord, read_records
from aicr_pytest.evidence.run import RunInfo, read_judged_run
from aicr_pytest.evidence.scan import level_of
from aicr_pytest.run.verification import integrity

_MOST_NAMED = 5
"""Files that are named when a run is refused."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A run that is to be merged with others."""

    directory: Path
    """Of its evidence."""
    run: RunInfo
    """run.json."""
    records: Mapping[tuple[str, str], CheckRecord]
    """By requirement and check."""
    manifest_sha256: str
    """Of its manifest.json."""

    @property
    def told(self) -> str:
        """Its name and its date, for a reader."""
        return f"run {self.run.run_id} ({self.run.started_at})"


def read_sources(directories: Sequence[Path]) -> list[Source]:
    """The runs in some directories, the oldest first.

    Raises:
        SettingsError: one of them is no whole run as it was written, or they do not go together.
    """
    sources = [_read(directory.absolute()) for directory in directories]
    # Of two in the same second, the order in which they were named.
    sources.sort(key=lambda source: source.run.started_at)
    for one, other in itertools.combinations(sources, 2):
        if one.run.run_id == other.run.run_id:
            raise SettingsError(f"{one.directory}, {other.directory}: hold the same {one.told}.")
    for other in sources[1:]:
        if difference := _difference(sources[0].run, other.run):
            raise SettingsError(
                f"{sources[0].told} and {other.told} do not go together: {difference}."
                " Merge runs of one cluster, one version and one suite."
            )
    return sources


def _read(directory: Path) -> Source:
    run = read_judged_run(directory)
    if run.parts:
        named = ", ".join(part.run_id for part in run.parts)
        raise SettingsError(f"{directory}: was merged already; merge its runs instead: {named}.")
    if lines := integrity(directory, run):
        more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
        raise SettingsError(
            f"{directory}: is not as its run wrote it: {'; '.join(lines[:_MOST_NAMED])}{more}."
        )
    manifest = (directory / checksums.MANIFEST_FILE).read_bytes()
    return Source(
        directory=directory,
        run=run,
        records={(one.requirement, one.check): one for one in read_records(directory)},
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
    )


def _difference(one: RunInfo, other: RunInfo) -> str:
    """Why two runs cannot be one; empty where they can."""
    compared = {
        "the cluster": _clusters(one, other),
        "Kubernetes": (one.cluster.version, other.cluster.version),
        "the list of requirements": (one.list_version, other.list_version),
        "aicr-pytest": (_version(one), _version(other)),
        "the code of aicr-pytest": (one.tool, other.tool),
        "--aicr-strict": (_yes(_is_strict(one)), _yes(_is_strict(other))),
        "--aicr-redact": (level_of(one), level_of(other)),
        "simulated": (_yes(one.simulated), _yes(other.simulated)),
        **{
            name: (digest, other.suite[name])
            for name, digest in one.suite.items()
            if name in other.suite
        },
    }
    for what, (first, second) in compared.items():
        if first != second:
            return f"{what}: {first or 'unknown'} and {second or 'unknown'}"
    return ""


def _clusters(one: RunInfo, other: RunInfo) -> tuple[str, str]:
    """What tells the clusters apart: their ids, else how they were reached."""
    if one.cluster.id and other.cluster.id:
        return one.cluster.id, other.cluster.id
    return _reached(one), _reached(other)


def _reached(run: RunInfo) -> str:
    return " ".join(filter(None, (run.cluster.context, run.cluster.server)))


def _version(run: RunInfo) -> str:
    return run.versions.get("aicr_pytest", "")


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _is_strict(run: RunInfo) -> bool:
    return run.settings.get("strict", "").startswith("True")
