"""Requirement secure_accelerator_access."""
