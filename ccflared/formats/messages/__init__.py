"""Anthropic Messages, read and written in full, for translating."""
