"""The suite beside a folder that it lies in, as with a virtual environment in the project.

pytest takes an argument for a part of another that is above it, and does not look into folders like
``.venv``: the suite, named beside its project, would not be collected.
"""

import pytest

from aicr_pytest.locations import suite_dir


class SuiteApart:
    """Has pytest collect each argument for itself, and every test once."""

    @classmethod
    def where_needed(cls, config: pytest.Config) -> "SuiteApart | None":
        """One for a run that names the suite and a folder above it."""
        here = config.invocation_params.dir
        named = {(here / argument.partition("::")[0]).resolve() for argument in config.args}
        return cls(config) if suite_dir() in named and named & {*suite_dir().parents} else None

    def __init__(self, config: pytest.Config) -> None:
        config.option.keepduplicates = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what was collected before."""
        items[:] = {item.nodeid: item for item in reversed(items)}.values()
        items.reverse()
