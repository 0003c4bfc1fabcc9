"""What the file says of an account, what it could say, and at which providers there can be accounts."""

from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from ccflared.api.account_edits import WRITABLE
from ccflared.api.calls import Call, reply
from ccflared.api.key_words import KEY, key
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    TEXT,
    TEXTS,
    each,
    many,
    one_of,
    record,
    told,
)
from ccflared.config.effective import as_given
from ccflared.config.later import not_spoken
from ccflared.config.model import Account, Config, Provider
from ccflared.config.shapes import Field, Table
from ccflared.daemon.answers import Reply
from ccflared.providers.oauth import login_lacks
from ccflared.providers.usage import OF_PLANS

_SPEAKS: Final = {
    "anthropic": "The Anthropic Messages API",
    "openai-chat": "OpenAI Chat Completions",
    "vertex": "Claude on Vertex AI",
    "bedrock": "Claude on Bedrock",
}


async def settings(call: Call) -> Reply:
    """Answer what the file says of an account, what counts where it says nothing, and what each key does."""
    world = call.running.house.world
    account = world.config.accounts[call.account]
    fields = _fields()
    places, path = world.loaded.places, ("accounts", account.name)
    place = places.get(path)
    return reply(
        200,
        {
            "name": account.name,
            "file": None if place is None else str(place.file),
            "line": None if place is None else place.line,
            "settings": {
                name: as_given(field.key.kind, getattr(account, field.attribute))
                for name, field in fields.items()
                if (*path, name) in places
            },
            "defaults": {name: _default(field, account, world.config) for name, field in fields.items()},
            "keys": [key(name, field, editable=name in WRITABLE) for name, field in fields.items()],
        },
    )


async def providers(call: Call) -> Reply:
    """Answer the providers that an account can be at: the built-in ones, and those of the file."""
    sources = call.running.sources
    known = call.running.house.world.config.providers
    return reply(
        200, [_provider(name, each, shipped=name in sources.builtin) for name, each in known.items()]
    )


@cache
def _fields() -> dict[str, Field]:
    return Table(Account).fields


def _default(field: Field, account: Account, config: Config) -> object:
    """Return what counts where the key is absent; null where nothing does."""
    provider = config.providers[account.provider]
    match field.name:
        case "base_url":
            return provider.base_url
        case "billing":
            return provider.billing
        case "session_length":
            return field.key.kind.write(config.routing.session_length)
        case _:
            pass
    if field.required or field.default is None:
        return None
    return as_given(field.key.kind, field.default)


def _provider(name: str, provider: Provider, *, shipped: bool) -> dict[str, Any]:
    auth = "oauth" if provider.oauth is not None else "none" if provider.sends == "none" else "key"
    needed = [*(["base_url"] if provider.base_url is None else []), *(["api_key"] if auth == "key" else [])]
    lacks = [] if provider.oauth is None else login_lacks(provider.oauth)
    fields = _fields()
    return {
        "name": name,
        "builtin": shipped,
        "describes": _describes(provider, auth),
        "base_url": provider.base_url,
        "auth": auth,
        "dialect": provider.dialect,
        "billing": provider.billing,
        "reports_usage": provider.usage is not None and provider.usage.enabled,
        "models": as_given(_models(), provider.models),
        "login_lacks": lacks,
        "unavailable": not_spoken(provider),
        "account_keys": [
            {"name": each, "required": each in needed, "describes": fields[each].key.doc}
            for each in dict.fromkeys([*needed, "api_key", "base_url"])
            if each != "api_key" or auth == "key"
        ],
    }


def _models() -> Any:
    return _fields()["models"].key.kind


def _describes(provider: Provider, auth: str) -> str:
    """Return what a provider is in a sentence, which is what its table says."""
    where = (
        f"at {urlsplit(provider.base_url).hostname}"
        if provider.base_url
        else "at an address that the account gives"
    )
    how = {"oauth": "by login", "key": "by API key", "none": "without a key"}[auth]
    if provider.billing == "plan":
        pays = "nothing is billed" if auth == "none" else "a plan pays"
    else:
        # Who tells the windows of a plan has plans, and takes other keys at the same address.
        plans = provider.usage is not None and provider.usage.reads in OF_PLANS
        either = 'a plan pays (then billing = "plan"), or each request is billed'
        pays = either if plans else "each request is billed"
    return f"{_SPEAKS[provider.dialect]} {where}, {how}; {pays}."


_VALUES: Final = {"type": "object"}

ROUTES: Final = (
    Route(
        "GET",
        "/api/accounts/{name}",
        settings,
        "What the file says of an account, what counts where it says nothing, and what each key does. "
        "One called stream is at %73tream.",
        gives={
            200: record(
                {
                    "name": TEXT,
                    "file": MAYBE_TEXT,
                    "line": MAYBE_WHOLE,
                    "settings": told(
                        _VALUES, "As the file has them; a secret by where it is read from, never itself."
                    ),
                    "defaults": _VALUES,
                    "keys": many(KEY),
                }
            )
        },
    ),
    Route(
        "GET",
        "/api/providers",
        providers,
        "The providers that an account can be at: the built-in ones, and those of the file.",
        gives={
            200: many(
                record(
                    {
                        **each(TEXT, "name describes dialect"),
                        "builtin": FLAG,
                        "base_url": MAYBE_TEXT,
                        "auth": one_of("key", "oauth", "none"),
                        "billing": one_of("plan", "api"),
                        "reports_usage": FLAG,
                        "models": _VALUES,
                        "login_lacks": told(TEXTS, "Keys of oauth that a login needs and nobody has given."),
                        "unavailable": told(MAYBE_TEXT, "Why no account there can serve yet."),
                        "account_keys": many(record({**each(TEXT, "name describes"), "required": FLAG})),
                    }
                )
            )
        },
    ),
)
