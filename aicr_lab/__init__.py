"""A real Kubernetes with simulated accelerators on one Linux machine, without Docker or a registry.

``python -m aicr_lab up`` brings it up; :class:`aicr_lab.lab.Lab` is the same in Python.
"""
