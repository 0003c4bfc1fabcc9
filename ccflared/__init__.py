"""ccflared: a Claude API proxy daemon that serves each request from one of several accounts."""

__version__ = "0.1.0"
