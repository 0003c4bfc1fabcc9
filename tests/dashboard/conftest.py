"""Gives every test here its stage; looking.py says what it is."""

from looking import axe, busy, chromium, daemon, look, serve

__all__ = ["axe", "busy", "chromium", "daemon", "look", "serve"]
