"""Requirement accelerator_metrics."""
