"""What is known of an account or client follows it when its name changes, and goes when it is removed."""

from ccflared.cli.edits import Site
from ccflared.config.model import Config


def state_moves(at: Site, config: Config, section: str, old: str, new: str) -> None:
    """Move state, tokens and history to a new name. Called when the file has it, before the daemon reads it.

    ``section``: ``accounts`` or ``clients``. ``config``: as it is with the new name.
    """
    del at, config, section, old, new


def state_goes(at: Site, config: Config, section: str, name: str) -> None:
    """Erase what is kept of a name that has left the file: tokens and stored secrets. Called as above.

    ``config``: as it was with the name.
    """
    del at, config, section, name
