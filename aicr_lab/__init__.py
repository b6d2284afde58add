"""A real Kubernetes with simulated accelerators on one Linux machine, without Docker or a registry.

``python -m aicr_lab up`` brings it up, :func:`aicr_lab.startup.up` does in Python;
:class:`aicr_lab.lab.Lab` is what there is then.
"""
