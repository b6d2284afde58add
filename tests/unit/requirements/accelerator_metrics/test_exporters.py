"""An exporter that did not answer in time is not waited for in every check."""

from typing import Any

import pytest

from aicr_pytest.errors import NoCapacity, WaitTimeout
from aicr_pytest.requirements.accelerator_metrics.exporters import Endpoint, Exporters


@pytest.mark.parametrize(("error", "asked"), [(WaitTimeout("silent"), 1), (NoCapacity("full"), 2)])
def test_silence_is_final_and_other_troubles_may_be_over(
    monkeypatch: pytest.MonkeyPatch, error: Exception, asked: int
) -> None:
    seen: list[Endpoint] = []

    def answer(_: Exporters, endpoint: Endpoint) -> Any:
        seen.append(endpoint)
        raise error

    monkeypatch.setattr(Exporters, "_await_answer", answer)
    nothing: Any = None
    exporters = Exporters(nothing, nothing, nothing, nothing)
    endpoint: Any = "ns/exporter:9400"
    for _ in range(2):
        with pytest.raises(type(error)):
            exporters._first(endpoint)
    assert seen == [endpoint] * asked
