"""The dialogs of ``ccflared top``: what is asked of a person before something is done, and what came of it."""
