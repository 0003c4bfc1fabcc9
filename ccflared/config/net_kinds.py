"""The kinds of values that are about networks: listen addresses, hosts, networks, URLs, header names."""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ccflared.config.kinds import FilePath, Json, KeyPath, Kind, Reading, Text
from ccflared.config.words import found, quoted

_NAME = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)"
_HOST = rf"{_NAME}(?:\.{_NAME})*\.?"


def split_address(address: str) -> tuple[str, int] | None:
    """Return host (no brackets) and port of ``"HOST:PORT"`` or ``"[::1]:PORT"``; None if it is neither."""
    match = re.fullmatch(rf"(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]|({_HOST})):(\d{{1,5}})", address)
    if match is None or int(match[3]) > 65535:
        return None
    host: str = match[1] or match[2]
    if match[1] and not _is_ip(host):
        return None
    if re.fullmatch(r"[0-9.]+", host) and not _is_ip(host):
        return None
    return host, int(match[3])


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class ListenAddress(Kind[str]):
    """Where to listen. ``unix:`` paths come back absolute, hosts in lower case."""

    expects = 'an address such as "127.0.0.1:8080", "[::1]:8080", "unix:PATH" or "systemd"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        match value:
            case "systemd":
                return "systemd"
            case str() if value.startswith("unix:"):
                file = FilePath().read(value.removeprefix("unix:"), path, reading)
                return None if file is None else f"unix:{file}"
            case str() if split_address(value):
                return value.lower()
            case str() if match := re.fullmatch(r"(?:\*?:)?(\d{1,5})", value):
                port = match[1]
                hint = f'"127.0.0.1:{port}" for this machine alone, "0.0.0.0:{port}" for every address'
                reading.wrong(path, f"an address needs a host; write {hint}")
                return None
            case str() if value.count(":") > 1 and not value.startswith("["):
                reading.wrong(path, f'{found(value)} is no address: IPv6 goes in brackets, "[::1]:8080"')
                return None
            case _:
                return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {
            "type": "string",
            "pattern": r"^(systemd|unix:.+|(\[[0-9A-Fa-f:.%A-Za-z0-9]+\]|[^:\[\]/]+):\d{1,5})$",
        }


class BasePath(Kind[str]):
    """A path prefix without a slash at its end; empty for none."""

    expects = 'a path such as "/ccflared", or ""'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if isinstance(value, str):
            trimmed = value.rstrip("/")
            dots = any(part in {".", ".."} for part in trimmed.split("/"))
            if re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)*", trimmed) and not dots:
                return trimmed
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^(/[A-Za-z0-9._~-]+)*/?$"}


class HostPattern(Text):
    """A host name as it stands in Host, or ``*.`` and a domain."""

    def __init__(self) -> None:
        pattern = rf"(?:\*\.)?{_HOST}"
        super().__init__(
            'a host name such as "ccflared.home.example" or "*.home.example"', pattern, lower=True
        )

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if isinstance(value, str) and re.fullmatch(rf"(https?://)?{_HOST}(:\d+)?/?", value, re.ASCII):
            bare = re.sub(r"^https?://|(:\d+)?/?$", "", value)
            if bare != value:
                reading.wrong(path, f"a host name has neither scheme, port nor slash; write {quoted(bare)}")
                return None
        if value == "*":
            reading.wrong(
                path, "any Host at all would let web pages reach the daemon by DNS rebinding; name the hosts"
            )
            return None
        return super().read(value, path, reading)


class WebOrigin(Kind[str]):
    """A web page's origin, in lower case, without a slash at its end."""

    expects = 'an origin such as "https://app.example.com"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if isinstance(value, str):
            origin = value.removesuffix("/").lower()
            parts = _split(origin)
            whole = parts is not None and parts.hostname and origin == f"{parts.scheme}://{parts.netloc}"
            if whole and re.fullmatch(r"[a-z][a-z0-9+.-]*://[^@]+", origin):
                return origin
            if value in {"*", "null"}:
                reading.wrong(path, f"{found(value)} would admit every web page; name them: {self.expects}")
                return None
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*://[^/@]+/?$"}


class TrustedPeer(Kind[str]):
    """An IP address, a network, or ``unix``."""

    expects = 'an address, a network such as "10.0.0.0/8", or "unix"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if not isinstance(value, str):
            return self.reject(value, path, reading)
        if value == "unix":
            return value
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return self.reject(value, path, reading)
        if "/" not in value:
            return str(network.network_address)
        if str(network) != str(ipaddress.ip_interface(value).network) or not _is_network(value):
            reading.wrong(
                path, f"{found(value)} has bits set behind its prefix; write {quoted(str(network))}"
            )
            return None
        return str(network)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^(unix|[0-9A-Fa-f:.]+(/[0-9.]+)?)$"}


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


_APPENDED: Final = re.compile(r"/(?:chat/completions|messages|responses)/?$")


class Url(Kind[str]):
    """An http or https URL without user, query and fragment, and without a slash at its end.

    ``exact``: one that is compared or opened as it stands; it keeps its slash and may have a query.
    """

    expects = 'a URL such as "https://llm.example.com/v1"'

    def __init__(self, *, exact: bool = False) -> None:
        self.exact = exact

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        parts = _split(value) if isinstance(value, str) else None
        if not isinstance(value, str) or parts is None:
            return self.reject(value, path, reading)
        if "@" in parts.netloc:
            reading.wrong(path, "a URL here must not hold a user or password; give the credential as api_key")
            return None
        if parts.scheme not in {"http", "https"} or not parts.hostname or not re.fullmatch(r"[!-~]+", value):
            hint = "" if "://" in value else f'; did you mean "https://{value}"?' if " " not in value else ""
            reading.wrong(path, f"expected {self.expects}, found {found(value)}{hint}")
            return None
        if (parts.query and not self.exact) or parts.fragment:
            also = "no" if self.exact else "neither a query (?…) nor a"
            reading.wrong(path, f"a URL here has {also} fragment (#…)")
            return None
        if not self.exact and (end := _APPENDED.search(value)):
            reading.wrong(path, f"{end[0]} is appended: leave it out at the end of a base URL")
            return None
        return value if self.exact else value.rstrip("/")

    def schema(self) -> Json:
        barred = "@#" if self.exact else "@?#"
        return {"type": "string", "pattern": f"^https?://[^{barred}\\s]+$"}


class PathOrUrl(Kind[str]):
    """A path from the root of a host that is known from elsewhere, or a whole URL."""

    expects = 'a path such as "/api/usage", or a URL'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if not isinstance(value, str) or not value.startswith("/"):
            return Url().read(value, path, reading)
        parts = value.split("/")[1:]
        if {".", ".."} & set(parts) or not all(re.fullmatch(r"[A-Za-z0-9._~-]+", part) for part in parts):
            return self.reject(value, path, reading)
        return value

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^((/[A-Za-z0-9._~-]+)+|https?://[^@?#\s]+)$"}


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


class HeaderName(Text):
    """A header field that a provider table may set.

    Those that frame a message or carry a credential it may not.
    """

    framing = frozenset(
        [
            "host",
            "content-length",
            "content-encoding",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "proxy-connection",
            "accept-encoding",
        ]
    )
    credential = frozenset(
        [
            "authorization",
            "proxy-authorization",
            "proxy-authenticate",
            "x-api-key",
            "api-key",
            "cookie",
            "set-cookie",
        ]
    )

    def __init__(self) -> None:
        super().__init__("the name of a header", r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        name = value.lower() if isinstance(value, str) else ""
        if name in self.framing:
            reading.wrong(path, f"{quoted(name)} belongs to the connection and cannot be set", "key")
            return None
        if name in self.credential:
            reading.wrong(path, f"{quoted(name)} carries a credential; use api_key and auth instead", "key")
            return None
        if name.startswith(("x-ccflared-", "x-forwarded-", ":")):
            reading.wrong(path, f"{quoted(name)} never goes upstream", "key")
            return None
        return super().read(value, path, reading)
