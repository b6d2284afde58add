"""`aicr-pytest pack`: the evidence of a run as one file."""

import argparse
import os
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
        "pack",
        help="make one archive of the evidence of a run",
        description="Write DIR.tar.gz after the folder was verified; the same folder gives the "
        "same bytes. A signature of manifest.json that lies beside it goes along. An archive of "
        "other bytes is never overwritten.",
    )
    added.add_argument("directory", metavar="DIR", type=Path, help="the run's evidence directory")
    added.add_argument("--output", metavar="FILE", type=Path, help="instead of DIR.tar.gz")
    added.set_defaults(command=pack)


def pack(parsed: argparse.Namespace) -> int:
    """Write the archive of an earlier run."""
    from aicr_pytest.evidence import archive
    from aicr_pytest.run.verification import verify

    directory = parsed.directory.resolve()
    target = (parsed.output or directory.with_name(f"{directory.name}.tar.gz")).resolve()
    if target.is_relative_to(directory):
        raise SettingsError(f"{target}: lies in the folder that is packed; name another place.")
    if problems := verify(directory).problems:
        for problem in problems:
            say_line(problem)
        raise SettingsError(f"{parsed.directory}: is not as its run has written it; not packed.")
    try:
        handle, name = tempfile.mkstemp(prefix=".aicr-", dir=target.parent)
        os.close(handle)
        made = Path(name)
        try:
            archive.pack(directory, made)
            if target.exists() and target.read_bytes() != made.read_bytes():
                raise SettingsError(
                    f"{target}: holds something else, and is not overwritten."
                    " Name another file with --output."
                )
            made.chmod(0o644)
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written: {error.strerror}.") from error
    say_line(str(target))
    return 0
