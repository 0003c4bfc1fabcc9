"""Dialects, sans-IO: bytes in, events and facts out."""
