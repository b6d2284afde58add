"""Requirement robust_controller."""
