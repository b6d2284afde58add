"""Defects that the checks of ``gang_scheduling`` must notice."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.admission import NEVER_RELEASED
from aicr_lab.defects.injections.gang_scheduler import (
    GATED,
    MEMBERS_NEVER_RELEASED,
    SchedulerDown,
    untied,
    wanting,
)

STARVED = "test_no_member_is_bound_while_there_is_room_for_one_less"
SERVED = "test_all_members_start_once_there_is_room"
COMPETING = "test_two_gangs_that_compete_for_the_room_both_finish"
FREED = "test_accelerators_of_gangs_are_free_again_afterwards"

_BOUND = r"gang-\d was bound to node-\d after \d\.\d s though there was room for 2 of the 3"
_PARTS = (
    r"hold a part of the room each, so that none can start: "
    r"rival-a-\d was bound .*; rival-b-\d was bound"
)

DEFECTS = (
    Defect(
        id="gang-plain-scheduler",
        requirement="gang_scheduling",
        sentence="The scheduler knows no gangs: every member is scheduled for itself.",
        injection=untied("gang-untied"),
        detected_by=STARVED,
        also_fails=frozenset({COMPETING}),
        expected_message=_BOUND,
    ),
    Defect(
        id="gang-split",
        requirement="gang_scheduling",
        sentence="A gang is scheduled in two parts: all but one of its members are enough.",
        injection=wanting("gang-split", "object.spec.schedulingPolicy.gang.minCount - 1"),
        detected_by=STARVED,
        also_fails=frozenset({COMPETING}),
        expected_message=_BOUND,
    ),
    Defect(
        id="gang-min-one",
        requirement="gang_scheduling",
        sentence="One member is enough for every gang, as a webhook's default has it.",
        injection=wanting("gang-min-one", "1"),
        detected_by=STARVED,
        also_fails=frozenset({COMPETING}),
        expected_message=_BOUND,
    ),
    Defect(
        id="gang-quota-only",
        requirement="gang_scheduling",
        sentence="A quota admits no gang, whether there is room or not.",
        injection=GATED,
        detected_by=SERVED,
        also_fails=frozenset({COMPETING}),
        expected_message=r"gang: all 3 members are bound: not within .*\n.*0 of 3 bound; "
        r"SchedulingGated",
    ),
    Defect(
        id="gang-never-releases",
        requirement="gang_scheduling",
        sentence="Room never appears: what an ended pod held stays taken.",
        injection=NEVER_RELEASED,
        detected_by=SERVED,
        also_fails=frozenset({COMPETING, FREED}),
        # Which of the two, whoever is first to look says.
        expected_message="ResourceClaim .*blocker-0-.*"
        "(?:is still allocated, and its pod is gone|to be released: not within)",
        leaves_behind=True,
    ),
    Defect(
        id="gang-leaks",
        requirement="gang_scheduling",
        sentence="The accelerator of a member is not given back when it has completed.",
        injection=MEMBERS_NEVER_RELEASED,
        detected_by=FREED,
        basis="plan",
        expected_message="ResourceClaim gang-.* is still allocated, and its pod is gone",
        leaves_behind=True,
    ),
    Defect(
        id="gang-deadlock",
        requirement="gang_scheduling",
        sentence="Two gangs that compete hold a part of the room each.",
        injection=untied("gang-deadlock", prefix="rival"),
        detected_by=COMPETING,
        basis="plan",
        expected_message=_PARTS,
    ),
    Defect(
        id="gang-controller-down",
        requirement="gang_scheduling",
        sentence="The controller of gangs is down.",
        injection=SchedulerDown(),
        detected_by=STARVED,
        also_fails=frozenset({SERVED, COMPETING, FREED}),
        expected_message="the scheduler has said nothing",
    ),
)
