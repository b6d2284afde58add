"""Gang scheduling: the pods of one workload start all together or not at all."""

import pytest

from aicr_pytest.checks import (
    GangScheduler,
    GangTrial,
    Platform,
    Solutions,
    Steps,
    Trials,
    gang_trials,
)

pytestmark = pytest.mark.requirement("gang_scheduling")

CREATES = "up to 4 pods that ask for an accelerator each, and one that holds the rest of a node"
AT_ONCE = 8
"""Accelerators held at the same time: all of one node, however many it has."""

scheduler = Steps[GangTrial]("schedulers")
"""What one gang scheduler has to pass, in this order."""


@pytest.fixture(scope="module")
def schedulers(
    aicr_solution: Solutions[GangScheduler], aicr_platform: Platform
) -> Trials[GangTrial]:
    """The experiments, on a node whose accelerators no other check holds."""
    return gang_trials(aicr_solution, aicr_platform, scheduler)


@pytest.mark.aicr_check(basis="text", creates=CREATES, accelerators=AT_ONCE, seconds=12)
@scheduler.passes
def test_no_member_is_bound_while_there_is_room_for_one_less(trial: GangTrial) -> None:
    """A gang that finds room for all but one of its members has none of them bound."""
    starved = trial.starved()

    assert starved.bound == (), starved.because
    assert starved.claims == (), "\n".join(starved.claims)


@pytest.mark.aicr_check(basis="text", creates=CREATES, accelerators=AT_ONCE, seconds=8)
@scheduler.passes
def test_all_members_start_once_there_is_room(trial: GangTrial) -> None:
    """Once room appears, every member starts with an accelerator of its own, and completes."""
    served = trial.served()

    assert served.running == served.members, f"{served.running} of {served.members} members run"
    assert served.mismatches == (), served.because
    assert served.held_twice == (), served.because
    assert served.completed == served.members, served.because


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=12)
@scheduler.passes
def test_two_gangs_that_compete_for_the_room_both_finish(trial: GangTrial) -> None:
    """Two gangs that need more than half of the room each run one after the other."""
    rivals = trial.competing()

    assert len(rivals.served) == 2, rivals.because
    assert rivals.beside == (), rivals.because
    first, second = rivals.served
    assert first.mismatches + second.mismatches == (), rivals.because
    assert first.held_twice + second.held_twice == (), rivals.because
    assert first.completed == first.members, rivals.because
    assert second.completed == second.members, rivals.because


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=6)
@scheduler.passes
def test_accelerators_of_gangs_are_free_again_afterwards(trial: GangTrial) -> None:
    """When the gangs are gone nothing is held for them, and one pod can hold all they had."""
    freed = trial.freed()

    assert freed.stranded == (), "\n".join(freed.stranded)
    assert freed.lost == 0, freed.because
    assert freed.held == freed.free, f"a pod asks for {freed.free} and holds {freed.held}"
