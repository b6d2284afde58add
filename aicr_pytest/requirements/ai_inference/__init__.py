"""Requirement ai_inference."""
