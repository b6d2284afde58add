"""Add-ons of the lab: products beside Kubernetes that a requirement needs, as ordinary pods."""
