"""Who is trusted: who may send requests and administer, and whether a reverse proxy in front is told of.

What a proxy adds to a request cannot be seen from the file. So it is said what has to be there, and what the file
itself leaves open.
"""

from collections.abc import Iterator

from ccflared.cli.render.checks import Check
from ccflared.cli.render.words import many
from ccflared.config.model import Config
from ccflared.config.protection import only_loopback
from ccflared.daemon.access import networks, open_administration

_PROXY = (
    "a reverse proxy here that adds no X-Forwarded-For would pass for this machine: have it add one, or set"
)


def trust_checks(config: Config) -> Iterator[Check]:
    """Say who may do what; of a proxy on this machine, what nobody can see from here."""
    loopback = any(only_loopback(listen.address) for listen in config.server.listen)
    if config.server.allow_unauthenticated and not config.clients:
        yield Check(
            "trust",
            "warn",
            "allow_unauthenticated: whoever reaches a listener may send requests, without a key",
            "ccflared client add NAME gives keys to those who may",
        )
    elif loopback and not config.clients and config.admin is None:
        said = f"whoever is on this machine may send requests and administer. {_PROXY[0].upper()}{_PROXY[1:]}"
        yield Check("trust", "ok", f"{said} [clients] and [admin]")
    else:
        nobody = f"this machine, without a key ({_PROXY} [clients])"
        requests = f"{many(len(config.clients), 'client')} with keys" if config.clients else nobody
        admin = "the control socket"
        if config.admin is not None:
            admin = f"the admin token and {admin}"
        elif open_administration(config):
            admin = f"this machine and {admin}"
        yield Check("trust", "ok", f"requests: {requests}; administration: {admin}")
    yield from _proxy(config)


def _proxy(config: Config) -> Iterator[Check]:
    """Say what the file leaves open of a reverse proxy; nothing where it tells of none."""
    server = config.server
    sign = _sign(config)
    if sign is None:
        return
    if not server.trusted_proxies:
        yield Check(
            "proxy",
            "warn",
            f"{sign}, and trusted_proxies names no reverse proxy: in the log, and when wrong tokens lock an address "
            "out, everybody has the proxy's address",
            f"trusted_proxies = {_wanted(config)} in [server], if it is on this machine; see ccflared-proxy(7)",
        )
        return
    left = list(_left_open(config))
    yield from left
    if not left:
        named = f", for {', '.join(server.allowed_hosts)}" if server.allowed_hosts else ""
        believed = " and ".join(server.trusted_proxies)
        yield Check("proxy", "ok", f"X-Forwarded-For, -Proto and -Host of {believed} are believed{named}")


def _sign(config: Config) -> str | None:
    """Return what in the file says that a reverse proxy stands in front; None where nothing does."""
    server = config.server
    if server.trusted_proxies:
        return "trusted_proxies is set"
    if server.base_path or any(listen.base_path for listen in server.listen):
        return "base_path is set"
    near = all(only_loopback(each.address) or each.address.startswith("unix:") for each in server.listen)
    if any(each.address.startswith("unix:") for each in server.listen):
        return "a listener is a unix socket"
    return "allowed_hosts names hosts that only reach loopback" if server.allowed_hosts and near else None


def _wanted(config: Config) -> str:
    unix = any(each.address.startswith("unix:") for each in config.server.listen)
    tcp = any(not each.address.startswith("unix:") for each in config.server.listen)
    return "[" + ", ".join(['"127.0.0.1"'] * tcp + ['"unix"'] * unix) + "]"


def _left_open(config: Config) -> Iterator[Check]:
    server = config.server
    if any(network.prefixlen == 0 for network in networks(server.trusted_proxies)):
        yield Check(
            "proxy",
            "warn",
            "trusted_proxies believes every address: whoever asks may say who and where they are",
            "name the address of the proxy alone",
        )
    unix = any(each.address.startswith("unix:") for each in server.listen)
    if unix and "unix" not in server.trusted_proxies:
        yield Check(
            "proxy",
            "warn",
            "a listener is a unix socket, and trusted_proxies does not name it: nothing is believed that comes there",
            'add "unix" to trusted_proxies in [server]',
        )
    if not server.allowed_hosts:
        yield Check(
            "proxy",
            "warn",
            "trusted_proxies is set and allowed_hosts is empty: asked for by a name, this daemon answers 421",
            'allowed_hosts = ["NAME"] in [server], the name that clients use',
        )
    if config.admin is None:
        yield Check(
            "proxy",
            "warn",
            "trusted_proxies is set and [admin] is not: the dashboard and the REST API are closed through the proxy",
            "set [admin] token, or leave it so: ccflared status and the control socket need none",
        )
