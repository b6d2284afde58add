"""What was done once is not done again, also where it failed."""

import pytest

from aicr_pytest.errors import AicrError, Inconclusive, NoCapacity, WaitTimeout
from aicr_pytest.once import Once


def test_result_is_everybodys() -> None:
    results = iter([1, 2])
    deed = Once(lambda: next(results))

    assert (deed(), deed()) == (1, 1)


def test_first_error_is_everybodys() -> None:
    errors: list[AicrError] = [WaitTimeout("second"), WaitTimeout("first")]

    def fail() -> int:
        raise errors.pop()

    deed = Once(fail)
    for _ in range(2):
        with pytest.raises(WaitTimeout, match="first"):
            deed()


def test_error_that_is_not_final_is_forgotten() -> None:
    came: list[AicrError | int] = [3, WaitTimeout("late"), NoCapacity("none free")]

    def run() -> int:
        match came.pop():
            case int(value):
                return value
            case error:
                raise error

    deed = Once(run, final=(WaitTimeout,))
    with pytest.raises(NoCapacity):
        deed()
    assert deed.error is None
    for _ in range(2):
        with pytest.raises(WaitTimeout):
            deed()
    assert isinstance(deed.error, WaitTimeout)
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
