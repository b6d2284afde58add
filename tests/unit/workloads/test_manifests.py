"""Manifests: filled in strictly, with the programs beside them."""

from pathlib import Path

import pytest

from aicr_pytest.errors import ManifestError
from aicr_pytest.workloads.manifests import render

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "${actor}"}
data: {program.py: "", note: kept}
"""


def test_an_empty_key_of_a_config_map_is_the_file_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(CONFIG_MAP)
    (tmp_path / "program.py").write_text("print('${actor} is no placeholder here')\n")

    (made,) = render(tmp_path / "it.yaml", actor="a")

    assert made["data"] == {
        "program.py": "print('${actor} is no placeholder here')\n",
        "note": "kept",
    }


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(CONFIG_MAP)

    with pytest.raises(ManifestError, match=r"no program\.py"):
        render(tmp_path / "it.yaml", actor="a")


@pytest.mark.parametrize("values", [{}, {"actor": "a", "other": "b"}])
def test_placeholders_and_values_have_to_fit(tmp_path: Path, values: dict[str, str]) -> None:
    (tmp_path / "it.yaml").write_text(CONFIG_MAP)

    with pytest.raises(ManifestError, match="wants"):
        render(tmp_path / "it.yaml", **values)
