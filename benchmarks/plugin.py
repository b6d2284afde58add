"""What the plugin costs where it is installed: ``python benchmarks/plugin.py [ROUNDS]``.

A whole ``pytest --collect-only`` of one test, with the plugin and with ``-p no:aicr``, in turns.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROMISED = 5.0
"""Milliseconds of CPU that a project pays which never asks for a check."""
_PROBE = """
import sys, time, pytest
from _pytest.config import main
started = time.process_time()
status = main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]])
print("CPU", time.process_time() - started, file=sys.stderr)
sys.exit(status)
"""


def main() -> None:
    """Print the processor time of whole runs; bytecode is kept as in any installed package."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        project.mkdir()
        (project / "test_one.py").write_text("def test_one():\n    pass\n")
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "cache")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(*words: str) -> float:
            done = subprocess.run(
                [sys.executable, "-c", _PROBE, *words],
                cwd=project,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            return 1000 * float(done.stderr.rpartition("CPU ")[2])

        run(), run("-p", "no:aicr")  # the first ones compile
        pairs = [(run(), run("-p", "no:aicr")) for _ in range(rounds)]
    costs = [with_plugin - without for with_plugin, without in pairs]
    with_plugin, without = (statistics.median(one) for one in zip(*pairs, strict=True))
    print("| figure | promised | median | quartiles |\n|---|---|---|---|")
    low, middle, high = statistics.quantiles(costs, n=4)
    print(
        f"| CPU of a stranger's run (ms) | {PROMISED:g} | {middle:.1f} | {low:.1f} to {high:.1f} |"
    )
    print(f"| the whole run with and without (ms) | | {with_plugin:.0f} and {without:.0f} | |")


if __name__ == "__main__":
    main()
