"""product.yaml: everything that is wrong with it is said at once, by the names of the fields."""

from pathlib import Path

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.product import read_product
from tests.unit.submission import world


def refused(path: Path) -> str:
    with pytest.raises(SettingsError) as error:
        read_product(path, "--product")
    return str(error.value)


def test_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "sharing.md").write_text("how")
    more = """\
requirements:
  gpu_sharing:
    status: Implemented
    evidence: [sharing.md#slices, https://babbage.example/sharing]
    notes: Slices.
"""
    found = read_product(world.product(tmp_path / "product.yaml", more), "--product")

    assert found.directory == "analytical-engine"
    assert found.metadata["platformVersion"] == "1.7"
    assert "repoUrl" not in found.metadata
    assert found.statements["gpu_sharing"].evidence == (
        "sharing.md#slices",
        "https://babbage.example/sharing",
    )


def test_empty_file_names_every_field_that_is_needed(tmp_path: Path) -> None:
    (tmp_path / "product.yaml").write_text("metadata: {}\n")

    said = refused(tmp_path / "product.yaml")

    for field in ("directory", "setup", "metadata.platformName", "metadata.productLogoUrl"):
        assert f"\n  {field}: " in said
    assert "metadata.k8sConformanceUrl: is missing" in said
    assert "repoUrl" not in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("directory: analytical-engine", "directory: ../gke", "directory: a short name"),
        ('"1.7"', "1.7", "metadata.platformVersion: 1.7 is not * (in quotes"),
        ("Babbage", '"[Vendor Name]"', "metadata.vendorName: '[Vendor Name]' is not"),
        ("engine.svg", "engine.png", "metadata.productLogoUrl: * SVG, EPS or AI"),
        (
            "engine@babbage.example",
            "nobody",
            "metadata.contactEmailAddress: 'nobody' is not an e-mail",
        ),
        ("v1.36/engine", "v1.36", "metadata.k8sConformanceUrl: *tree/master/vX.Y/PRODUCT"),
        ("platformName:", "platform_name:", "platform_name: is no field; did you mean platformN"),
        ("metadata:", "metadata:\n  kubernetesVersion: v1.37", "*leave it out; it is the measured"),
        ("setup: engine create --accelerators 8", "setup: ' '", "setup: how somebody else"),
    ],
)
def test_wrong_field_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "product.yaml"
    path.write_text(world.PRODUCT.replace(old, new))

    message = refused(path)

    assert all(part in message for part in said.split("*"))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("status: implemented", "requirements.x.status: 'implemented' is none of Implemented, "),
        ("evidence: https://babbage.example", "requirements.x.evidence: a list"),
        ("evidence: [gone.md]", "requirements.x.evidence: 'gone.md' is no URL and no file"),
        ("evidence: [../product.yaml]", "'../product.yaml' is no URL and no file beside"),
        ("evidence: [empty.md]", "'empty.md' is no URL and no file beside product.yaml with text"),
        ("note: y", "requirements.x.note: is no field; did you mean notes?"),
        ("notes: '[why]'", "requirements.x.notes: a text"),
    ],
)
def test_wrong_statement_is_named(tmp_path: Path, statement: str, said: str) -> None:
    (tmp_path / "empty.md").touch()
    more = f"requirements:\n  x:\n    {statement}\n"

    assert said in refused(world.product(tmp_path / "product.yaml", more))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (world.PRODUCT + "---\n" + world.PRODUCT, "holds 2 YAML documents"),
        (world.PRODUCT + "directory: other\n", "line 13: is not YAML: found duplicate key"),
        ("- a\n", "a YAML mapping is expected"),
        ("a: [\n", "is not YAML"),
        ("a: !!python/object:os.system x\n", "is not YAML"),
        ("", "a YAML mapping is expected"),
    ],
)
def test_what_is_no_product_yaml_is_one_message(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "product.yaml"
    path.write_text(text)

    assert said in refused(path)


def test_missing_file_says_where_to_start(tmp_path: Path) -> None:
    assert "docs/submission.md" in refused(tmp_path / "none.yaml")
