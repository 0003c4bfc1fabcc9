"""What ``ccflared top`` shows on the bare terminal, outside of its boxes: an address that is to be selected whole."""

import signal
import time
from functools import partial
from pathlib import Path

from issuer import FakeIssuer
from logins import issued, kept
from scene import daemon_at
from terminals import Screen, on_a_terminal
from top_seat import socket_of

PLAIN = "Enter goes back to ccflared top."


def types(screen: Screen, text: str, *, seen: str) -> str:
    """Type a text, and wait until something new has these words; return what is new."""
    behind = len(screen.written)
    screen.deadline = time.monotonic() + 20
    screen.type_in(text)
    screen.until(lambda _: seen in screen.written[behind:].decode(errors="replace"))
    return screen.written[behind:].decode(errors="replace")


def test_the_address_of_a_login_can_be_seen_in_one_piece_and_enter_or_ctrl_c_lead_back(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("plan",)) as daemon:
        with on_a_terminal("top", "--socket", socket_of(daemon), lines=24) as screen:
            types(screen, "", seen="quit")
            types(screen, "l", seen="The code shown there")
            shown = types(screen, "\x0f", seen=PLAIN)
            address = next(line for line in shown.splitlines() if line.startswith("http"))
            screen.process.send_signal(signal.SIGINT)  # as Ctrl-C has the terminal do
            types(screen, "", seen="Log plan in")
            types(screen, "\x0f", seen=PLAIN)
            types(screen, "\r", seen="Log plan in")
            types(screen, f"\x1b[200~{issuer.approve(address)}\x1b[201~", seen="code")
            types(screen, "\r", seen="plan is logged in.")
            screen.type_in("q")
            assert screen.ended() == 0
        assert kept(daemon.stage) is not None
