"""Makes the request that goes to an upstream where the daemon wrote it itself, by translating the client's.

Nothing of the client's header fields is in it: they were about another request, in another dialect.
"""

from ccflared.providers.prepare import addressed, endpoint
from ccflared.providers.target import Target
from ccflared.wire import Headers, Outbound


def address(
    target: Target, path: str, body: bytes, *, accept: bytes, user_agent: bytes, more: Headers = ()
) -> Outbound:
    """Address a JSON body to an account. ``path`` is ``/v1/…`` of its dialect, as its clients ask for it.

    ``accept``: the kind of answer that is wanted. ``more``: further fields, names in lower case; the provider's own
    replace them, too.
    """
    headers = [
        (b"content-type", b"application/json"),
        (b"accept", accept),
        (b"user-agent", user_agent),
        *more,
    ]
    url = endpoint(target.base_url, target.dialect, path)
    return Outbound("POST", url, addressed(headers, target), body)


def cache_fields(target: Target, key: bytes) -> Headers:
    """Return the field that keeps requests of one ``key`` at one prompt cache; none where the provider has none."""
    name = target.quirks.cache_header
    return () if name is None else ((name.lower().encode(), key),)
