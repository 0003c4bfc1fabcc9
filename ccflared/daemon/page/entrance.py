"""What is known of those who come in: wrong credentials, sessions, and links that were given out."""

from typing import Final

from ccflared.daemon.feeds.tickets import Tickets
from ccflared.daemon.guesses import Guesses, Strangers
from ccflared.daemon.page.sessions import Sessions

LINK_SECONDS: Final = 600.0
_LINKS: Final = 64


class Entrance:
    """See the module. There is one as long as the daemon lives."""

    def __init__(self) -> None:
        self.guesses = Guesses()
        self.strangers = Strangers()
        self.sessions = Sessions()
        self.links = Tickets(LINK_SECONDS, _LINKS)
