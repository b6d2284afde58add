"""What is submitted of a requirement: the run's word, else the vendor's, else nothing."""

from pathlib import Path

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.run import Verdict
from aicr_pytest.submission.answers import Answer, answer_all
from aicr_pytest.submission.imports import Imports
from aicr_pytest.submission.measured import read_measured
from aicr_pytest.submission.official import Checkout
from aicr_pytest.submission.product import read_product
from tests.unit.submission import world

STATED = "evidence: [https://babbage.example/docs]\n    notes: By documentation."


def answers(
    tmp_path: Path, verdicts: dict[str, Verdict], statements: dict[str, str] | None = None
) -> dict[str, Answer]:
    more = "".join(f"  {name}:\n    {text}\n" for name, text in (statements or {}).items())
    product = world.product(tmp_path / "product.yaml", f"requirements:\n{more}" if more else "")
    measured = read_measured(
        world.evidence(tmp_path / "out", {**world.GREEN, **verdicts}), simulated=False
    )
    official = Checkout.open(world.checkout(tmp_path / "co"), "--checkout").list_of("1.37", "")
    found = answer_all(official, measured, read_product(product, "--product"), Imports())
    return {one.official.id: one for one in found}


def test_must_is_implemented_by_the_runs_word(tmp_path: Path) -> None:
    found = answers(tmp_path, {})["gang_scheduling"]

    assert found.status == "Implemented"
    assert found.page == "gang_scheduling.md"
    assert found.notes.startswith(f"Measured by aicr-pytest 0.1.0 in run {world.RUN_ID} on ")


def test_what_nobody_has_looked_at_is_left_open(tmp_path: Path) -> None:
    found = answers(tmp_path, {})["gpu_sharing"]

    assert (found.status, found.notes, found.page, found.by) == ("", "", "", "nobody")


def test_should_is_answered_by_documentation_in_the_vendors_name(tmp_path: Path) -> None:
    found = answers(tmp_path, {}, {"gpu_sharing": f"status: Implemented\n    {STATED}"})

    assert found["gpu_sharing"].status == "Implemented"
    assert found["gpu_sharing"].by == "Stated"
    assert "has not looked at it. By documentation." in found["gpu_sharing"].notes


def test_reason_of_what_is_not_applicable_is_the_vendors(tmp_path: Path) -> None:
    found = answers(tmp_path, {"cluster_autoscaling": "N/A"})["cluster_autoscaling"]

    assert (found.status, found.by, found.page) == ("N/A", "Stated", "")
    assert "by the user's word: no autoscaler" in found.notes


def test_vendor_answers_a_must_at_which_the_suite_met_the_unknown(tmp_path: Path) -> None:
    said = {"gang_scheduling": f"status: Implemented\n    {STATED}"}
    found = answers(tmp_path, {"gang_scheduling": "Unknown"}, said)["gang_scheduling"]

    assert (found.status, found.by) == ("Implemented", "Stated")
    assert "aicr-pytest 0.1.0 says Unknown: " in found.notes


def test_vendor_may_claim_less_than_was_seen_of_a_should(tmp_path: Path) -> None:
    said = {"gpu_sharing": f"status: Partially Implemented\n    {STATED}"}
    found = answers(tmp_path, {"gpu_sharing": "Implemented"}, said)["gpu_sharing"]

    assert (found.status, found.page) == ("Partially Implemented", "gpu_sharing.md")


def test_vendors_notes_stand_behind_what_was_measured(tmp_path: Path) -> None:
    found = answers(tmp_path, {}, {"gang_scheduling": "notes: With Kueue."})["gang_scheduling"]

    assert found.status == "Implemented"
    assert found.notes.startswith("Measured by ")
    assert found.notes.endswith(". With Kueue.")


@pytest.mark.parametrize(
    ("verdicts", "statements", "said"),
    [
        ({"gang_scheduling": "Not Implemented"}, {}, "is a MUST and is Not Implemented: 1 of 1"),
        ({"gang_scheduling": "Inconclusive"}, {}, "is a MUST and is Inconclusive"),
        ({"gang_scheduling": "N/A"}, {}, "gang_scheduling is a MUST and is N/A"),
        ({"gang_scheduling": "Unknown"}, {}, "requirements.gang_scheduling: * Say how it is met"),
        (
            {"gang_scheduling": "Not Implemented"},
            {"gang_scheduling": f"status: Implemented\n    {STATED}"},
            "status: cannot be 'Implemented', for the run says Not Implemented",
        ),
        (
            {"gang_scheduling": "Inconclusive"},
            {"gang_scheduling": f"status: Implemented\n    {STATED}"},
            "cannot be 'Implemented', for the run says Inconclusive",
        ),
        (
            {},
            {"gang_scheduling": f"status: N/A\n    {STATED}"},
            "requirements.gang_scheduling.status: cannot be 'N/A', for the run says Implemented",
        ),
        (
            {"gang_scheduling": "Unknown"},
            {"gang_scheduling": "status: Implemented"},
            "gang_scheduling.evidence: is needed*gang_scheduling.notes: is needed",
        ),
        (
            {"gpu_sharing": "Not Implemented"},
            {"gpu_sharing": f"status: Implemented\n    {STATED}"},
            "requirements.gpu_sharing.status: cannot be 'Implemented'",
        ),
        ({}, {"gpu_sharing": "status: N/A"}, "requirements.gpu_sharing.notes: is needed"),
        ({}, {"gpu_sharing": "status: Implemented"}, "gpu_sharing.evidence: is needed"),
        ({}, {"gpu_sharing": "notes: yes"}, "requirements.gpu_sharing.status: is missing"),
    ],
)
def test_what_must_not_be_claimed_is_named(
    tmp_path: Path, verdicts: dict[str, Verdict], statements: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as error:
        answers(tmp_path, verdicts, statements)

    assert str(error.value).startswith("Nothing was written; ")
    assert all(part in str(error.value) for part in said.split("*"))


def test_must_that_was_not_run_is_no_matter_of_documentation(tmp_path: Path) -> None:
    product = world.product(
        tmp_path / "product.yaml",
        f"requirements:\n  gang_scheduling:\n    status: Implemented\n    {STATED}\n",
    )
    directory = world.evidence(tmp_path / "out", {"cluster_autoscaling": "Implemented"})
    official = Checkout.open(world.checkout(tmp_path / "co"), "--checkout").list_of("1.37", "")

    with pytest.raises(SettingsError, match="gang_scheduling is a MUST and was not looked at"):
        answer_all(
            official,
            read_measured(directory, simulated=False),
            read_product(product, "--product"),
            Imports(),
        )


def test_must_that_no_check_knows_is_asked_for_by_name(tmp_path: Path) -> None:
    text = world.LIST.replace("gang_scheduling", "time_travel")
    official = Checkout.open(world.checkout(tmp_path / "co", text), "").list_of("1.37", "")
    directory = world.evidence(tmp_path / "out")

    with pytest.raises(SettingsError, match=r"requirements\.time_travel: .* no check looks at"):
        answer_all(
            official,
            read_measured(directory, simulated=False),
            read_product(world.product(tmp_path / "product.yaml"), "--product"),
            Imports(),
        )
