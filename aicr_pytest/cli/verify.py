"""`aicr-pytest verify`: whether evidence is as its run has written it."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_line
from aicr_pytest.errors import SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "verify",
        help="say whether the evidence of an earlier run is as it was written",
        description="Say which files of a run were changed, are missing or were added: against "
        "manifest.json, against the records, against the verdicts that the checks give, and, where "
        "this version made them, against the reports. Say also what redaction would still take out "
        "of them. Takes a folder or its archive. Without a signature it proves no origin: who can "
        "change a file can change the manifest. Ends with 0 where nothing is found, else with 1.",
    )
    added.add_argument(
        "evidence",
        metavar="DIR|TAR",
        type=Path,
        help="the run's evidence directory, or its archive",
    )
    added.add_argument(
        "--signature",
        metavar="FILE",
        type=Path,
        help="of manifest.json: ssh-keygen -Y sign -f KEY -n aicr-pytest manifest.json",
    )
    added.add_argument(
        "--allowed-signers",
        metavar="FILE",
        type=Path,
        help="whom to believe, see ALLOWED SIGNERS in ssh-keygen(1)",
    )
    added.set_defaults(command=verify)


def verify(parsed: argparse.Namespace) -> int:
    """Say which files of an earlier run are not as it has written them."""
    from aicr_pytest.evidence import archive

    if bool(parsed.signature) != bool(parsed.allowed_signers):
        raise SettingsError("--signature and --allowed-signers belong together: give both.")
    if not parsed.evidence.is_file():
        return _of_folder(parsed.evidence, parsed)
    with tempfile.TemporaryDirectory(prefix="aicr-") as folder:
        scratch = Path(folder)
        directory = archive.unpack(parsed.evidence, scratch / "evidence")
        status = _of_folder(directory, parsed)
        if not archive.is_canonical(parsed.evidence, directory, scratch / "again.tar.gz"):
            say_line(
                "note: the archive is not to the byte what `aicr-pytest pack` writes (times,"
                " owners, order, compression, bytes behind its end); all files in it were looked at"
            )
        return status


def _of_folder(directory: Path, parsed: argparse.Namespace) -> int:
    from aicr_pytest.evidence import signature
    from aicr_pytest.evidence.checksums import MANIFEST_FILE
    from aicr_pytest.run.verification import verify as look

    found = look(directory)
    problems, signed = list(found.problems), ""
    if parsed.signature:
        name, why_not = signature.check(
            directory / MANIFEST_FILE, parsed.signature, parsed.allowed_signers
        )
        problems += [f"signature: {why_not}"] if why_not else []
        signed = f", signed by {name}"
    for problem in problems:
        say_line(problem)
    for note in found.notes:
        say_line(f"note: {note}")
    if not problems:
        run = found.run
        say_line(
            f"{parsed.evidence}: every file is as its manifest says{signed}"
            f" (run {run.run_id}, started {run.started_at})"
        )
    return 1 if problems else 0
