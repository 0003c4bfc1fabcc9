from canned import busy

from ccflared.cli.render.health import health
from ccflared.cli.render.snapshot import read_status


def test_payloads_that_cannot_be_kept_need_a_person() -> None:
    told = busy()
    before = health(read_status(told), "0.1.0").needs
    off = told | {"payloads": {"on": True, "ok": False, "error": "the disk is full"}}
    (need,) = set(health(read_status(off), "0.1.0").needs) - set(before)
    assert need == "Payloads are off: the disk is full. Requests are served and recorded."
