"""What was done once is not done again, also where it failed."""

import pytest

from aicr_pytest.errors import AicrError, Inconclusive, NoCapacity, WaitTimeout
from aicr_pytest.once import Once


def test_result_is_everybodys() -> None:
    results = iter([1, 2])
    action = Once(lambda: next(results))

    assert (action(), action()) == (1, 1)


def test_first_error_is_everybodys() -> None:
    errors: list[AicrError] = [WaitTimeout("second"), WaitTimeout("first")]

    def fail() -> int:
        raise errors.pop()

    action = Once(fail)
    for _ in range(2):
        with pytest.raises(WaitTimeout, match="first"):
            action()


def test_error_that_is_not_final_is_forgotten() -> None:
    came: list[AicrError | int] = [3, WaitTimeout("late"), NoCapacity("none free")]

    def run() -> int:
        match came.pop():
            case int(value):
                return value
            case error:
                raise error

    action = Once(run, final=(WaitTimeout,))
    with pytest.raises(NoCapacity):
        action()
    assert action.error is None
    for _ in range(2):
        with pytest.raises(WaitTimeout):
            action()
    assert isinstance(action.error, WaitTimeout)
    assert came == [3]


def test_error_of_a_kind_that_stays_may_pass_all_the_same() -> None:
    came: list[AicrError] = [Inconclusive("denied"), NoCapacity("none free")]

    def fail() -> None:
        raise came.pop()

    once = Once(fail, final=(Inconclusive,), passing=(NoCapacity,))
    with pytest.raises(NoCapacity):
        once()
    for _ in range(2):
        with pytest.raises(Inconclusive, match="denied"):
            once()
