"""A request that the daemon wrote itself: what it says of itself, and nothing of the client's."""

import pytest
from targets import target

from ccflared.config.model import Auth, Dialect
from ccflared.config.quirks import Quirks
from ccflared.providers.address import address, cache_fields
from ccflared.providers.target import Target
from ccflared.secret import Secret
from ccflared.wire import Headers, Outbound

ACCEPT, AGENT = b"text/event-stream", b"ccflared/1.0"


def sent(to: Target, path: str = "/v1/messages", more: Headers = ()) -> Outbound:
    return address(to, path, b'{"model":"m"}', accept=ACCEPT, user_agent=AGENT, more=more)


PLAIN = (
    (b"content-type", b"application/json"),
    (b"accept", ACCEPT),
    (b"user-agent", AGENT),
)
IDENTITY = (b"accept-encoding", b"identity")


def test_messages_are_asked_for_with_version_betas_and_the_accounts_credential() -> None:
    to = target(auth="bearer", betas=(b"oauth-2025-04-20",))
    assert sent(to).headers == (
        *PLAIN,
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"oauth-2025-04-20"),
        IDENTITY,
        (b"authorization", b"Bearer sk-own"),
    )
    assert (sent(to).method, sent(to).url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert sent(to).body == b'{"model":"m"}'


def test_the_version_is_the_one_that_the_provider_knows() -> None:
    to = target(quirks=Quirks(anthropic_version="2024-01-01"))
    assert [value for name, value in sent(to).headers if name == b"anthropic-version"] == [b"2024-01-01"]


def test_chat_completions_are_asked_for_with_nothing_of_anthropics() -> None:
    to = target(dialect="openai-chat", base_url="https://h", auth="bearer", betas=(b"oauth-2025-04-20",))
    outbound = sent(to, "/v1/chat/completions")
    assert outbound.url == "https://h/v1/chat/completions"
    assert outbound.headers == (*PLAIN, IDENTITY, (b"authorization", b"Bearer sk-own"))


AUTHS: list[tuple[Auth, list[tuple[bytes, bytes]]]] = [
    ("x-api-key", [(b"x-api-key", b"sk-own")]),
    ("bearer", [(b"authorization", b"Bearer sk-own")]),
    ("none", []),
]


@pytest.mark.parametrize(("auth", "credential"), AUTHS)
@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat"])
def test_the_credential_is_sent_as_the_provider_takes_it(
    dialect: Dialect, auth: Auth, credential: list[tuple[bytes, bytes]]
) -> None:
    headers = sent(target(dialect=dialect, auth=auth)).headers
    assert [field for field in headers if field[0] in (b"authorization", b"x-api-key")] == credential


def test_the_providers_own_headers_replace_all_others() -> None:
    own = (
        (b"user-agent", Secret("gateway")),
        (b"x-more", Secret("red")),
        (b"anthropic-version", Secret("v")),
    )
    headers = sent(target(headers=own), more=((b"x-more", b"blue"), (b"x-other", b"1"))).headers
    assert [value for name, value in headers if name == b"user-agent"] == [b"gateway"]
    assert [value for name, value in headers if name == b"x-more"] == [b"red"]
    assert [value for name, value in headers if name == b"anthropic-version"] == [b"v"]
    assert (b"x-other", b"1") in headers


def test_a_conversation_is_kept_at_its_cache_where_the_provider_has_a_header_for_it() -> None:
    assert cache_fields(target(quirks=Quirks(cache_header="X-Conversation")), b"c1") == (
        (b"x-conversation", b"c1"),
    )
    assert cache_fields(target(quirks=Quirks(cache_field="prompt_cache_key")), b"c1") == ()
