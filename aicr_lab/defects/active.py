"""Injects and heals, and remembers what is injected where a later process finds it."""

from collections.abc import Iterable

from aicr_lab.defects.catalogue import DEFECTS, defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.lab import Lab
from aicr_lab.state import read_json, write_json

_RECORD = "defects.json"


def active(lab: Lab) -> list[Defect]:
    """What is injected, the latest last."""
    record = read_json(lab.dir / _RECORD) or {}
    return [defect_named(name) for name in record.get("active", [])]


def inject(lab: Lab, defect: Defect) -> None:
    """Break the lab; recorded first, so that a killed injection can be healed."""
    _write(lab, [*(d for d in active(lab) if d.id != defect.id), defect])
    defect.inject(lab)


def revert(lab: Lab, defects: Iterable[Defect]) -> None:
    """Mends the lab, the latest first; a defect stays recorded until it is healed."""
    chosen = {defect.id for defect in defects}
    for defect in reversed(active(lab)):
        if defect.id in chosen:
            defect.revert(lab)
            _write(lab, [d for d in active(lab) if d.id != defect.id])


def _write(lab: Lab, defects: list[Defect]) -> None:
    write_json(lab.dir / _RECORD, {"active": [defect.id for defect in defects]})


def list_defects(requirement: str = "") -> list[Defect]:
    """All defects, or those of one requirement."""
    return [defect for defect in DEFECTS if requirement in ("", defect.requirement)]
