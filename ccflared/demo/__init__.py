"""The fake provider behind ccflared demo; the tests use it too."""
