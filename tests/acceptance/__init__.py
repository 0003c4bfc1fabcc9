"""Acceptance tests: real clients through the real command. Run by ``contrib/dev/test --acceptance``."""
