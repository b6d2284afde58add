"""Kubernetes' own programs, as the lab runs them."""
