"""The lab as a cluster provider of aicr-pytest (entry point group ``aicr_pytest.clusters``).

aicr_pytest knows this class by its shape only, and is not imported here either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aicr_lab import needs, startup
from aicr_lab.addons.catalogue import ALL, parse
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidedLab:
    """A lab that runs."""

    kubeconfig: Path
    """The administrator's."""
    description: str
    """What it is, in words."""
    started_here: bool
    """Whether it was started for the asker, who has to stop it."""
    simulated: bool = True
    """Its accelerators are not real."""


class LabProvider:
    """Starts and stops labs by name."""

    def start(self, name: str, say: Callable[[str], None]) -> ProvidedLab:
        """The lab of that name: the one that runs, whatever its options, or a new one."""
        lab = Lab(name)
        if not lab.running:
            # pytest has the terminal: whoever sits at it cannot be asked by us.
            needs.ensure_that_nobody_is_to_be_asked(needs.OF_THE_LAB)
        # Everything that the suite has a check for, and no minute of waiting for a scrape.
        whole = LabOptions(addons=parse(ALL), fast=True)
        started_here = startup.up(lab, None, say, otherwise=whole)
        return ProvidedLab(
            kubeconfig=lab.kubeconfig, description=describe(lab), started_here=started_here
        )

    def stop(self, name: str, say: Callable[[str], None]) -> None:
        """Take it down, with all that was its; nothing where nothing was begun."""
        lab = Lab(name)
        if not lab.ground.free:
            lab.down(say)

    def removal(self, name: str) -> str:
        """The command that does the same, to be pasted into a shell."""
        return f"python -m aicr_lab down --name {name}"

    def running(self, name: str) -> Path | None:
        """The kubeconfig of a lab if it runs; starts nothing."""
        lab = Lab(name)
        return lab.kubeconfig if lab.running else None


def describe(lab: Lab) -> str:
    """A lab in one line."""
    options = lab.options
    count = " or ".join(map(str, dict.fromkeys(map(options.gpus_of, range(options.nodes)))))
    programs = " (programs of AMD's: stand-ins of the lab)" if options.vendor == "amd" else ""
    accelerators = f"{count} simulated {options.model} each by {options.allocation}{programs}"
    nodes = "1 node" if options.nodes == 1 else f"{options.nodes} nodes"
    fast = "; metrics and autoscaling look every 1 to 2 s (--fast)" if options.fast else ""
    return f"lab {lab.name!r} of this machine: {nodes}, {accelerators}{fast}"
