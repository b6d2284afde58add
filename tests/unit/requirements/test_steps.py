"""Checks that are written of one solution, and pass where one of the installed ones passes."""

from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive, NoCapacity, error_message
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from aicr_pytest.requirements.steps import Steps
from aicr_pytest.requirements.trials import Trials

from .test_solutions import Product
from .test_trials import Evidence

PRESENT = {"a": 1, "b": 2, "c": 2}
COUNTED = {"a": 9, "b": 3, "c": 4}


def trials(*names: str) -> tuple[Trials[str], list[str], Evidence, tuple[Any, Any]]:
    """Products by name, the claims that were looked at, the evidence, and the two checks."""
    looked: list[str] = []
    one_product = Steps[str]("products")

    @one_product.passes
    def test_it_is_there(product: str) -> None:
        """It is there."""
        looked.append(f"{product} there")
        if product == "blind":
            raise NoCapacity("0 free")
        assert PRESENT[product] == 2, f"{product} is not there\n  nor anywhere"

    @one_product.passes
    def test_it_counts(product: str) -> None:
        looked.append(f"{product} counts")
        assert COUNTED[product] == 4, f"{product} counts {COUNTED[product]}"

    kept: Any = Evidence()
    candidates = [Candidate(solution=Product(name), found=Found(where=name)) for name in names]
    solutions: Solutions[Product] = Solutions(candidates, lambda: kept)
    made = Trials(solutions, lambda candidate: candidate.solution.name, tuple(one_product))
    return made, looked, kept, (test_it_is_there, test_it_counts)


def test_first_product_that_meets_the_claim_is_taken() -> None:
    products, looked, evidence, (there, _) = trials("a", "b", "c")

    there(products=products)

    assert looked == ["a there", "b there"]
    assert evidence.facts["tried a"] == "a is not there\n  nor anywhere"
    assert evidence.facts["tried b"] == "passes"
    assert products.in_use == "b"


def test_product_that_comes_in_has_to_meet_the_claims_before() -> None:
    products, looked, _, (there, counts) = trials("b", "a", "c")

    there(products=products)
    counts(products=products)

    assert looked == ["b there", "b counts", "a there", "a counts", "c there", "c counts"]
    assert products.in_use == "c"


def test_where_none_meets_it_the_first_one_is_told() -> None:
    products, _, _, (_, counts) = trials("b", "a")

    with pytest.raises(AssertionError) as caught:
        counts(products=products)
    assert error_message(caught.value) == "b counts 3"


def test_one_that_cannot_be_looked_at_accuses_nobody() -> None:
    products, _, _, (there, _) = trials("a", "blind")

    with pytest.raises(Inconclusive, match="0 free"):
        there(products=products)


def test_pytest_hands_the_check_the_fixture_and_reads_what_it_proves(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from aicr_pytest.requirements.steps import Steps

        one_product = Steps("products")

        class Products:
            def prove(self, claim):
                claim("a product")

        @pytest.fixture
        def products():
            return Products()

        @one_product.passes
        def test_it_is_there(product):
            '''It is there.'''
            assert product == "another", "it is not there"
        """
    )

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:aicr")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*assert product == ?another?, ?it is not there?", "*AssertionError: it is not there"]
    )
