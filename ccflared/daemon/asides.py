"""What clients ask beside messages, and is answered here where that can be: which models there are, how many tokens."""

from functools import partial
from typing import Final

import trio

from ccflared.config.model import Client, Routing
from ccflared.daemon.access import may_ask_for
from ccflared.daemon.answers import JSON, Reply
from ccflared.daemon.house import House
from ccflared.daemon.journal import ESTIMATED, Journal
from ccflared.daemon.listing import is_mapped, models_for
from ccflared.daemon.paths import MESSAGES, generates, model_in
from ccflared.daemon.pour import take_whole
from ccflared.daemon.speaker import Begun
from ccflared.daemon.wording import PARSED_IN_PLACE, Wording, beside
from ccflared.daemon.world import World
from ccflared.errors import ClientError, UpstreamError
from ccflared.formats import anthropic
from ccflared.formats.estimate import estimate as estimate_of
from ccflared.formats.model_list import Listed, one, page
from ccflared.formats.request import Request
from ccflared.pool.route import Choice
from ccflared.providers.target import Target
from ccflared.wire import Inbound

_ESTIMATED: Final = (b"x-ccflared-estimate", b"true")
_LONGEST_LIST: Final = 8 * 1024 * 1024
_BYTES_OF_A_TOKEN: Final = 4


async def models(house: House, world: World, inbound: Inbound) -> bytes | None:
    """Return the document that says which models there are, or what one of them is. None: that is not known here.

    Raises ClientError (400) for a page that there cannot be.
    """
    client = world.config.clients.get(inbound.client or "")
    known = await models_for(house, world, client, inbound.pin)
    if known is None:
        return None
    named = model_in(inbound.path)
    if named is None:
        return page(known, inbound.query)
    if is_mapped(house, world, client, inbound.pin, named):
        known = (*known, Listed(named))
    return one(known, named)


async def leave_out_models(begun: Begun, client: Client | None, routing: Routing, journal: Journal) -> bool:
    """Take the models that the client may not ask for out of an upstream's own list. False: it may ask for all."""
    if client is None or "*" in client.models:
        return False
    try:
        document = await take_whole(begun, routing, _LONGEST_LIST)
    except UpstreamError as error:
        journal.ended("error", f"the list of models broke off: {error}")
        raise ClientError(502, "api_error", "The list of models broke off upstream.") from error
    begun.held[:] = [anthropic.only_models(document, lambda model: may_ask_for(client, model))]
    begun.ended = True
    return True


async def estimate(house: House, journal: Journal, target: Target, choice: Choice, wording: Wording) -> Reply:
    """Say how many tokens a request has, for an account whose provider does not count them. Raises ClientError."""
    started = trio.current_time()
    request = await wording.request()
    estimated = await _estimated(request, wording)
    tokens = house.counting.corrected(target.account, choice.model or request.model, estimated)
    journal.attempted(
        account=target.account,
        provider=target.provider,
        why=choice.why,
        started=started,
        now=trio.current_time(),
        status=None,
        kind=ESTIMATED,
        reason="the provider does not count tokens: estimated here",
        model=choice.model,
    )
    journal.sent = True
    journal.ended("complete")
    return Reply(200, b'{"input_tokens":%d}' % tokens, (JSON, _ESTIMATED))


async def learn(house: House, journal: Journal, target: Target, begun: Begun, wording: Wording) -> None:
    """Let estimates become better by what a provider has reported of a request that it served."""
    if wording.inbound.path != MESSAGES or begun.head.status >= 300:
        return
    model = begun.speaker.model or journal.model or ""
    account = house.renames.current(target.account)
    if house.counting.wants(account, model):
        tokens = journal.meter.tokens
        estimated = await _estimated(await wording.request(), wording)
        house.counting.learn(account, model, estimated, tokens)


async def reckon(house: House, journal: Journal, target: Target, begun: Begun, wording: Wording) -> None:
    """Let budgets count the prompt of an answer that has not told its tokens.

    Streams of Chat Completions tell them at their end, if the client has asked for that, and has not left before.
    """
    meter, body = journal.meter, wording.inbound.body
    if target.dialect == "anthropic" or not generates(wording.inbound.path) or begun.head.status >= 300:
        return
    if meter.tokens.input is not None:
        return
    model = begun.speaker.model or journal.model or ""
    with trio.CancelScope(shield=True):
        try:
            estimated = await _estimated(await wording.request(), wording)
        except ClientError:  # it has something that is passed on and that nobody here can read
            estimated = len(body) // _BYTES_OF_A_TOKEN
    meter.asked = house.counting.corrected(house.renames.current(target.account), model, estimated)


async def _estimated(request: Request, wording: Wording) -> int:
    return await beside(partial(estimate_of, request), len(wording.inbound.body), PARSED_IN_PLACE)
