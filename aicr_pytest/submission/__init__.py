"""A run's evidence as a pull request to cncf/k8s-ai-conformance, and what would be said of one."""
