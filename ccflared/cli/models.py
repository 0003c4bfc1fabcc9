"""``ccflared models``: which models can be asked for, and who serves each."""

from urllib.parse import urlencode

from ccflared.cli.render.models import model_lines
from ccflared.cli.render.offers import is_offers, read_offers
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import stdout, waiting
from ccflared.errors import Refused


def models(question: Question, *, client: str | None, json: bool) -> int:
    """Print them. Returns 0. Raises NotRunning; Refused, also where there is no such client."""
    be_the_right_one(question)
    asked = {"ask": "true"} if client is None else {"ask": "true", "client": client}
    with waiting("Asking the providers for their lists"):
        answer = question.daemon.get(f"/api/models/offered?{urlencode(asked)}", timeout=30.0)
    if answer.status == 404 and client is not None and "no client" in answer.complaint():
        raise Refused(answer.complaint())
    if answer.status != 200 or not is_offers(answer.value):
        raise answer.unexpected("models")
    if json:
        print_json(answer)
        return 0
    terminal = stdout()
    terminal.write(model_lines(read_offers(answer.value), terminal.sheet()))
    return 0
