"""Gang scheduling: the pods of one workload start all together or not at all."""

import pytest

from aicr_pytest.checks import GangScheduler, GangTrial, Platform, Solutions, Trials, gang_trials

pytestmark = pytest.mark.requirement("gang_scheduling")

CREATES = "up to 4 pods that ask for an accelerator each, and one that holds the rest of a node"
AT_ONCE = 8
"""Accelerators held at the same time: all of one node, however many it has."""

Gangs = Trials[GangTrial]


@pytest.fixture(scope="module")
def gangs(aicr_solution: Solutions[GangScheduler], aicr_platform: Platform) -> Gangs:
    """The experiments, on a node whose accelerators no other check holds."""
    return gang_trials(aicr_solution, aicr_platform)


@pytest.mark.aicr_check(basis="text", creates=CREATES, accelerators=AT_ONCE, seconds=12)
def test_no_member_is_bound_while_there_is_room_for_one_less(gangs: Gangs) -> None:
    """A gang that finds room for all but one of its members has none of them bound."""
    assert gangs.faults(GangTrial.starved) == []


@pytest.mark.aicr_check(basis="text", creates=CREATES, accelerators=AT_ONCE, seconds=8)
def test_all_members_start_once_there_is_room(gangs: Gangs) -> None:
    """Once room appears, every member starts with an accelerator of its own, and completes."""
    assert gangs.faults(GangTrial.served) == []


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=12)
def test_two_gangs_that_compete_for_the_room_both_finish(gangs: Gangs) -> None:
    """Two gangs that need more than half of the room each run one after the other."""
    assert gangs.faults(GangTrial.competing) == []


@pytest.mark.aicr_check(basis="plan", creates=CREATES, accelerators=AT_ONCE, seconds=6)
def test_accelerators_of_gangs_are_free_again_afterwards(gangs: Gangs) -> None:
    """When the gangs are gone nothing is held for them, and one pod can hold all they had."""
    assert gangs.faults(GangTrial.freed) == []
