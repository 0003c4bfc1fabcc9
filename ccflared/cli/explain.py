"""``ccflared explain``: ask the daemon why an account serves, for a model as it is now or for a request of the past."""

from time import time
from typing import NamedTuple
from urllib.parse import urlencode

from ccflared.cli.client import Answer
from ccflared.cli.identity import like_an_id, look_up, unknown, whole_id
from ccflared.cli.render.explain import choice_lines, story_lines
from ccflared.cli.render.explanation import is_choice, is_story, read_choice, read_story
from ccflared.cli.render.requests import PREFIX
from ccflared.cli.requests import MOST
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import complain, stdout
from ccflared.errors import Refused, UsageError


class Subject(NamedTuple):
    """What is to be explained: a model, for whom; or the id of a request, or its beginning."""

    what: str
    client: str | None = None
    account: str | None = None
    conversation: str | None = None


def explain(question: Question, subject: Subject, *, json: bool) -> int:
    """Print why. Returns 0, or 1 where nobody would serve. Raises UsageError, NotRunning, Refused."""
    if not subject.what:
        raise UsageError("ccflared explain: a model or the id of a request is missing")
    if subject.what.startswith(PREFIX):
        return _request(question, subject, json=json)
    if subject[1:] == (None, None, None) and like_an_id(subject.what):
        be_the_right_one(question)
        found = look_up(question, subject.what, "explain")
        if found is not None:
            return _request(question, Subject(found), json=json)
        complain(
            f"There is no request {subject.what} among the latest {MOST:,}; it is taken as the name of a model."
        )
    return _model(question, subject, json=json)


def _model(question: Question, subject: Subject, *, json: bool) -> int:
    be_the_right_one(question)
    asked = {
        "model": subject.what,
        "client": subject.client,
        "account": subject.account,
        "conversation": subject.conversation,
    }
    answer = _ask(question, {name: value for name, value in asked.items() if value is not None})
    if not is_choice(answer.value):
        raise answer.unexpected("explain")
    choice = read_choice(answer.value)
    if json:
        print_json(answer)
    else:
        terminal = stdout()
        terminal.write(choice_lines(choice, terminal.sheet(), pin=subject.account))
    return 0 if choice.candidates else 1


def _request(question: Question, subject: Subject, *, json: bool) -> int:
    if subject[1:] != (None, None, None):
        raise UsageError(
            f"ccflared explain: {subject.what} is a request; --client, --account and --conversation are for a model"
        )
    be_the_right_one(question)
    found = whole_id(question, subject.what, "explain")
    answer = _ask(question, {"request": found}, request=found)
    if not is_story(answer.value):
        raise answer.unexpected("explain")
    if json:
        print_json(answer)
    else:
        terminal = stdout()
        terminal.write(story_lines(read_story(answer.value), time(), terminal.sheet()))
    return 0


def _ask(question: Question, asked: dict[str, str], request: str | None = None) -> Answer:
    """Return the answer. Raises Refused where there is no such request, client, account."""
    answer = question.daemon.get(f"/api/explain?{urlencode(asked)}")
    if answer.status == 404 and request is not None:
        raise unknown(request)
    if answer.status == 404:
        raise Refused(answer.complaint())
    if answer.status != 200:
        raise answer.unexpected("explain")
    return answer
