"""What runs inside the cluster: `python3 -m aicr_pytest.cli.in_pod`, in the image of the suite.

A run writes its evidence into a folder that a second container sees, too. That one keeps the pod
alive until somebody has taken the evidence, also of a run that was killed.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aicr_pytest.errors import SettingsError

LAST_WORDS = Path("/dev/termination-log")
"""What is written there stands in the pod's status."""
PIECE = 1 << 20
"""Bytes of the archive that are given at once."""


class Place:
    """Where a pod's run leaves what, in a folder that may have the runs of other pods, too.

    Args:
        folder: as both containers see it.
    """

    def __init__(self, folder: Path) -> None:
        name = socket.gethostname()  # the pod's
        self.evidence = folder / name
        self.archive = folder / f"{name}.tar.gz"
        self.summary = folder / f"{name}.json"
        """Its being there says that the run has ended."""
        self.taken = folder / f"{name}.taken"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one of the pod's parts; the exit status."""
    parsed = _parser().parse_args(arguments)
    # The first process of a container has no defaults: SIGTERM would be as nothing.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(parsed.part(parsed))
    except KeyboardInterrupt:
        return 130


def run(parsed: argparse.Namespace) -> int:
    """Run the suite, and leave evidence, archive and summary."""
    place, status = Place(parsed.folder), 3
    try:
        status = _run_suite(parsed.words, place.evidence)
    finally:  # whoever waits for it must not wait for what will not come
        _leave(place, status, parsed.summary)
    return status


def _leave(place: Place, status: int, also: Path | None) -> None:
    """Write archive and summary, the latter where others look for it, too."""
    from aicr_pytest.in_cluster.summary import Summary

    _pack(place)
    told = Summary.of(place.evidence, status).text
    with contextlib.suppress(OSError):  # not in a pod
        LAST_WORDS.write_text(told, encoding="utf-8")
    if also:
        also.write_text(told, encoding="utf-8")
    place.summary.write_text(told, encoding="utf-8")  # the last, since it says that all is there


def hold(parsed: argparse.Namespace) -> int:
    """Wait until the evidence is taken, or nobody has come for it."""
    place, left = Place(parsed.folder), float(parsed.seconds)
    while not place.taken.exists() and left > 0:
        time.sleep(1)
        left -= place.summary.exists()
    return 0


def offer(parsed: argparse.Namespace) -> int:
    """Say what there is to take: size and SHA-256 of the archive; nothing where there is none."""
    place = Place(parsed.folder)
    if not place.archive.exists():
        _pack(place)
    offered: dict[str, object] = {}
    if place.archive.exists():
        with place.archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        offered = {"size": place.archive.stat().st_size, "sha256": digest}
    print(json.dumps(offered))
    return 0


def give(parsed: argparse.Namespace) -> int:
    """Print a piece of the archive in base64."""
    with Place(parsed.folder).archive.open("rb") as file:
        file.seek(parsed.offset)
        print(base64.b64encode(file.read(PIECE)).decode())
    return 0


def take(parsed: argparse.Namespace) -> int:
    """Note that the evidence is taken: the pod may end."""
    Place(parsed.folder).taken.touch()
    return 0


def sonobuoy(parsed: argparse.Namespace) -> int:
    """Run the suite as a plugin of Sonobuoy."""
    from aicr_pytest.in_cluster import sonobuoy

    evidence = Place(parsed.folder).evidence
    # Whatever happens: without the file that says "done", Sonobuoy waits for hours.
    status = 3
    try:
        status = _run_suite(parsed.words, evidence)
    finally:
        results = os.environ.get("SONOBUOY_RESULTS_DIR") or sonobuoy.RESULTS_FOLDER
        sonobuoy.hand_over(evidence, Path(results), status)
    return status


def _run_suite(words: Sequence[str], evidence: Path) -> int:
    from aicr_pytest.cli.run import run

    return run([*words, f"--evidence-dir={evidence}"])


def _pack(place: Place) -> None:
    """Make the archive, where there is a run to make it of; first the reports of a killed one."""
    from aicr_pytest.evidence import archive
    from aicr_pytest.evidence.checksums import MANIFEST_FILE

    partial = place.archive.with_suffix(".partial")
    try:
        if not (place.evidence / MANIFEST_FILE).exists():
            from aicr_pytest.reports.writing import rebuild
            from aicr_pytest.run.conclusion import judge_records

            rebuild(place.evidence, judge_records)
        archive.pack(place.evidence, partial)
    except (SettingsError, OSError) as error:
        print(f"no archive of the evidence: {error}", file=sys.stderr)
        return
    partial.replace(place.archive)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m aicr_pytest.cli.in_pod", description=__doc__)
    parts = parser.add_subparsers(metavar="PART", required=True)
    for part in (run, hold, offer, give, take, sonobuoy):
        added = parts.add_parser(part.__name__, help=part.__doc__)
        added.add_argument("--folder", type=Path, default=Path("/tmp/evidence"))
        added.set_defaults(part=part)
        if part in (run, sonobuoy):
            added.add_argument("words", nargs="*", help="of `aicr-pytest run`, after `--`")
        if part is run:
            added.add_argument("--summary", type=Path, help="write the summary there, too")
        if part is hold:
            added.add_argument("--seconds", type=int, default=3600)
        if part is give:
            added.add_argument("--offset", type=int, required=True)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
