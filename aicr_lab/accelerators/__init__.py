"""Simulated accelerators: NVIDIA's own software on a library that stands for the hardware.

Real are the DRA driver, the device plugin, the CDI hooks and everything above them; ours are NVML,
the vendor's tool, the device nodes, and whoever decides how busy a device looks. :mod:`.node` is
what the lab calls.
"""
