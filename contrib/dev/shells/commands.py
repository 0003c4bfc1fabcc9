"""The commands as completions need them: words, options with their descriptions, and what completes each value.

All of it is read from the parser, but for what a value may be: that stands in VALUES, and what is missing there is an
error, so that no new option is forgotten.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

from ccflared.cli.arguments import parser
from ccflared.cli.render.choices import BY, LEVELS
from ccflared.config.accounts import Account
from ccflared.config.modes import MODES
from ccflared.formats.families import FAMILIES
from ccflared.providers.presets import builtin


@dataclass(frozen=True)
class Value:
    """What a value may be: names that ccflared knows, words, beginnings of words, files or variables; or anything."""

    names: tuple[str, ...] = ()
    """As ``ccflared complete`` takes them."""
    words: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    """Words that something has to follow at once: ``priority=``."""
    files: bool = False
    variables: bool = False


@dataclass(frozen=True)
class Option:
    """One option by all its names. ``value`` None: it takes none."""

    names: tuple[str, ...]
    says: str
    value: Value | None
    metavar: str = ""
    optional: bool = False
    """Its value may be left out."""
    many: bool = False
    """Several values may follow it."""
    again: bool = False
    """It may be given several times."""
    not_with: tuple[str, ...] = ()
    """Options that it does not go with."""


@dataclass(frozen=True)
class Argument:
    """One argument by its place. ``many``: it is the last, and any number may be given."""

    says: str
    value: Value
    many: bool = False


@dataclass(frozen=True)
class Command:
    """A command by its words: () is ``ccflared`` alone. ``below``: the words that may follow, each with a summary."""

    words: tuple[str, ...]
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    below: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """The words with spaces between."""
        return " ".join(self.words)


ANYTHING: Final = Value()
FILE: Final = Value(files=True)
ACCOUNT, CLIENT = Value(names=("accounts",)), Value(names=("clients",))
KEYS: Final = tuple(f"{field.name}=" for field in fields(Account) if field.name != "name")

VALUES: Final = {
    # by the command and its argument, or by the argument alone
    "config": FILE,
    "socket": FILE,
    "file": FILE,
    "path": FILE,
    "api_key_file": FILE,
    "api_key_env": Value(variables=True),
    "account": ACCOUNT,
    "accounts": ACCOUNT,
    "client": CLIENT,
    "models": Value(names=("models",)),
    "name": ACCOUNT,
    "client rotate name": CLIENT,
    "client remove name": CLIENT,
    "account add name": ANYTHING,
    "client add name": ANYTHING,
    "account rename new": ANYTHING,
    "account set settings": Value(begins=KEYS),
    "provider": Value(words=tuple(builtin())),
    "mode": Value(words=tuple(MODES)),
    "account add model": Value(begins=tuple(f"{family}=" for family in FAMILIES)),
    "tier": Value(words=("1", "5", "20")),
    "requests model": Value(names=("models",)),
    "explain what": Value(names=("models", "requests")),
    "request id": Value(names=("requests",)),
    "request": Value(names=("requests",)),
    "alert acknowledge id": Value(words=("all",)),
    "by": Value(words=BY),
    "since": Value(words=("24h", "7d", "30d", "90d", "today", "yesterday")),
    "level": Value(words=LEVELS),
    "requests status": Value(
        words=("success", "error", "all", "400", "401", "404", "429", "500", "503", "529")
    ),
    "watch": Value(words=("1", "2", "5", "10", "60")),
    **dict.fromkeys(("listen", "priority", "base_url", "expires", "requests_per_hour"), ANYTHING),
    **dict.fromkeys(("budget_daily", "budget_monthly", "number"), ANYTHING),
    **dict.fromkeys(("search", "project", "conversation"), ANYTHING),
}
_LONG: Final = 64
"""Letters beyond which a description is cut where its examples begin."""
_WIDE: Final = 108
"""Letters of a line that is filled with words, the end of it apart."""


def commands() -> tuple[Command, ...]:
    """Return all commands that --help lists, each before its words."""
    return tuple(_below(parser(), ()))


def valued(every: tuple[Command, ...]) -> tuple[str, ...]:
    """Return the options that a value follows, wherever they are. Raises ValueError for one that differs."""
    takes: dict[str, bool] = {}
    for command in every:
        for option in command.options:
            for name in option.names:
                if takes.setdefault(name, option.value is not None) != (option.value is not None):
                    raise ValueError(f"{name} takes a value in one command and none in another")
    return tuple(name for name, value in takes.items() if value)


def _below(at: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[Command]:
    options: list[Option] = []
    arguments: list[Argument] = []
    below: dict[str, str] = {}
    nested: dict[str, argparse.ArgumentParser] = {}
    for action in at._actions:  # noqa: SLF001 - argparse tells of them nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            below = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001 - the same
            nested = dict(action.choices)
        elif action.option_strings:
            options.append(_option(action, words, _rivals(at, action)))
        else:
            many = action.nargs in ("*", "+")
            arguments.append(Argument(brief(action.help or ""), _value(words, action.dest), many))
    yield Command(
        words, tuple(options), tuple(arguments), tuple((w, brief(said)) for w, said in below.items())
    )
    for word in below:  # what has no help is not listed, and is not completed
        yield from _below(nested[word], (*words, word))


def _option(action: argparse.Action, words: tuple[str, ...], rivals: tuple[str, ...]) -> Option:
    names = tuple(action.option_strings)
    if action.nargs == 0:
        return Option(names, brief(action.help or ""), None, not_with=rivals)
    return Option(
        names,
        brief(action.help or ""),
        _value(words, action.dest),
        str(action.metavar or action.dest).lower(),
        optional=action.nargs == "?",
        many=action.nargs in ("*", "+"),
        again=isinstance(action, argparse._AppendAction),  # noqa: SLF001 - as above
        not_with=rivals,
    )


def _rivals(at: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, ...]:
    groups = at._mutually_exclusive_groups  # noqa: SLF001 - as above
    sharing = [group._group_actions for group in groups if action in group._group_actions]  # noqa: SLF001 - the same
    return tuple(
        name for group in sharing for each in group if each is not action for name in each.option_strings
    )


def _value(words: tuple[str, ...], dest: str) -> Value:
    named = f"{' '.join(words)} {dest}"
    found = VALUES.get(named) or VALUES.get(dest)
    if found is None:
        raise LookupError(f"{named}: say in VALUES of {__file__} what completes it")
    return found


def brief(said: str) -> str:
    """Return a description without its defaults and afterthoughts: shells have a line for it."""
    said = re.sub(r" \(default[^)]*\)", "", said.partition(";")[0])
    if len(said) > _LONG:
        said = re.sub(r" \([^)]*\)", "", said).partition(":")[0]
    return said


def filled(items: Sequence[str], joint: str, indent: str) -> list[str]:
    """Return items with a joint between them, in lines that end with it and a backslash where there are several."""
    lines: list[str] = []
    for item in items:
        if lines and len(indent + lines[-1] + joint + item) <= _WIDE:
            lines[-1] += joint + item
        else:
            lines.append(item)
    ends = f"{joint.rstrip()} \\".rjust(len(joint.rstrip()) + 2)
    return [indent + line + (ends if number < len(lines) - 1 else "") for number, line in enumerate(lines)]
