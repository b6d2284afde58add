"""Defects: one thing of the lab broken on purpose, to see the check aimed at it turn red.

:mod:`.catalogue` lists them, :mod:`.active` injects and heals; ``python -m aicr_lab defect`` is the
command.
"""
