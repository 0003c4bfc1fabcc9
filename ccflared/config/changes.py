"""What a reload changes, key by key, and what it would take away that nobody may lose by accident."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ccflared.config.effective import Leaf, entry, leaves
from ccflared.config.kinds import KeyPath
from ccflared.config.model import Config
from ccflared.config.net_kinds import split_address
from ccflared.config.protection import unprotected
from ccflared.config.reference import SecretRef
from ccflared.config.toml_text import toml_value
from ccflared.config.words import dotted
from ccflared.secret import Secret

_ENTRIES = ("providers", "accounts", "clients", "pricing")


class KnownSecrets(Protocol):
    """What is needed of the secrets that were read: their values, to compare."""

    def get(self, ref: SecretRef | None, /) -> Secret | None:
        """Return the secret, or None if there is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs.

    ``old`` and ``new`` are TOML, or words; None for secrets, of which only that is told.
    """

    key: str
    old: str | None
    new: str | None
    needs_restart: bool = False

    def __str__(self) -> str:
        return f"{self.key}: changed" if self.old is None else f"{self.key}: {self.old} -> {self.new}"


def changes(
    old: Config, new: Config, *, old_secrets: KnownSecrets | None, new_secrets: KnownSecrets | None
) -> tuple[Change, ...]:
    """Return what differs, in the order of the file's model. Secrets count as changed when their value is."""
    before, after = _by_path(old), _by_path(new)
    found: list[Change] = []
    told: set[KeyPath] = set()
    for path, change in _entries(old, new):
        told.add(path)
        found.append(change)
    for path in dict.fromkeys((*after, *before)):
        if path[:2] in told:
            continue
        first, second = before.get(path), after.get(path)
        if _same(first, second, old_secrets, new_secrets):
            continue
        restart = _needs_restart(path, first, second, new_secrets)
        if any(leaf.secret for leaf in (first, second) if leaf is not None):
            found.append(Change(dotted(path), None, None, restart))
        else:
            found.append(Change(dotted(path), _text(first), _text(second), restart))
    if list(old.accounts) != list(new.accounts) and set(old.accounts) == set(new.accounts):
        # The order decides among equals, so it is a change of its own.
        found.append(Change("accounts", ", ".join(old.accounts), ", ".join(new.accounts)))
    return tuple(found)


def losses(old: Config, new: Config) -> tuple[str, ...]:
    """Return what an accident with the file could take away, each as a sentence; empty if nothing.

    A reload with any of it is refused unless it is asked for by ``ccflared reload --allow-less``.
    """
    found: list[str] = []
    if _bare(new) and not _bare(old):
        found.append("The file is empty now.")
    if old.accounts and not new.accounts:
        found.append("The last account would be gone.")
    if old.clients and not new.clients:
        found.append("All [clients] would be gone, and with them every client key.")
    if old.admin is not None and new.admin is None:
        found.append("The token of [admin] would be gone.")
    opened = unprotected(new) - unprotected(old)
    if old.server.allow_unauthenticated and not old.clients:
        # Unprotected listeners are wanted already: only one that was protected until now is a loss.
        places = {_place(listen.address) for listen in old.server.listen}
        opened = frozenset(address for address in opened if _place(address) in places)
    found += [f"Anybody could send requests to {address} without a key." for address in sorted(opened)]
    return tuple(found)


def _place(address: str) -> str:
    """Return what makes two addresses the same listener to people: the port, or the path."""
    parts = split_address(address)
    return f"port {parts[1]}" if parts else address


def _bare(config: Config) -> bool:
    """Whether the configuration is what an empty file means. Built-in providers are always there."""
    return replace(config, providers={}) == Config()


def _by_path(config: Config) -> Mapping[KeyPath, Leaf]:
    return {leaf.path: leaf for leaf in leaves(config)}


def _entries(old: Config, new: Config) -> Iterator[tuple[KeyPath, Change]]:
    """Yield accounts, clients and the like that came or went, each as one change."""
    for section in _ENTRIES:
        before, after = getattr(old, section), getattr(new, section)
        for name in dict.fromkeys((*before, *after)):
            if name not in after:
                yield (section, name), Change(dotted((section, name)), _inline(old, section, name), "gone")
            elif name not in before:
                yield (section, name), Change(dotted((section, name)), "none", _inline(new, section, name))


def _inline(config: Config, section: str, name: str) -> str:
    """Return an entry as an inline table of what is not default, with dotted keys."""
    shown = (leaf for leaf in entry(config, section, name) if leaf.value is not None and not leaf.is_default)
    inner = ", ".join(f"{dotted(leaf.path[2:])} = {_shown(leaf)}" for leaf in shown)
    return f"{{ {inner} }}" if inner else "{}"


def _shown(leaf: Leaf) -> str:
    """Return a value as TOML; of what is secret, or tells a secret from others, only that it is there."""
    return '"[secret]"' if leaf.secret else toml_value(leaf.written())


def _same(
    first: Leaf | None, second: Leaf | None, old: KnownSecrets | None, new: KnownSecrets | None
) -> bool:
    if first is None or second is None:
        # A table that came or went as a whole, such as budget: its unset keys are no news.
        leaf = first or second
        return leaf is None or leaf.value is None or leaf.is_default
    if first.value != second.value:
        return False
    if old is None or new is None:
        return True
    return _values(first.references(), old) == _values(second.references(), new)


def _values(references: Iterable[SecretRef], secrets: KnownSecrets) -> list[Secret | None]:
    return [secrets.get(ref) for ref in references]


def _needs_restart(
    path: KeyPath, first: Leaf | None, second: Leaf | None, secrets: KnownSecrets | None
) -> bool:
    """Whether it counts only after a restart: what is opened once, credentials not handed over yet."""
    if path == ("storage", "directory") or path[:1] == ("control",):
        return True
    if second is None or not second.secret or (first is not None and first.value == second.value):
        return False
    return any(
        ref.kind == "credential" and (secrets is None or secrets.get(ref) is None)
        for ref in second.references()
    )


def _text(leaf: Leaf | None) -> str:
    if leaf is None or leaf.value is None:
        return leaf.field.key.absent or "none" if leaf is not None else "none"
    return toml_value(leaf.written())
