"""What the plugin costs any pytest on the machine: ``python benchmarks/plugin.py [ROUNDS]``."""

import os
import statistics
import subprocess
import sys
import tempfile

PROBE = """
import time, pytest
started = time.process_time()
import aicr_pytest.plugin, aicr_pytest.fixtures
print(time.process_time() - started)
"""


def main() -> None:
    """Prints the processor time of its import, bytecode kept as in any installed package."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as kept:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": kept}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", PROBE]
        values = [
            1000 * float(subprocess.check_output(command, env=environment, text=True))
            for _ in range(rounds + 1)
        ][1:]  # the first one compiles
    print("| figure | promised | median | worst |\n|---|---|---|---|")
    median, worst = statistics.median(values), max(values)
    print(f"| import of the plugin (ms of CPU) | 15 | {median:.1f} | {worst:.1f} |")


if __name__ == "__main__":
    main()
