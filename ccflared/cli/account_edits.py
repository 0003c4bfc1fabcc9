"""``ccflared account add``, ``set``, ``rename``, ``remove``: they edit the file, whether the daemon runs or not."""

import re
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccflared.cli.account_words import be_keys, settings, with_provider
from ccflared.cli.aftermath import state_goes, state_moves
from ccflared.cli.asking import ask_line, ask_secret, can_ask, read_secret
from ccflared.cli.edits import (
    FILES,
    Report,
    Site,
    forget_released,
    made,
    make,
    opened,
    prepared,
    same_file,
    state_of,
    tell,
    tell_refusal,
    unknown,
)
from ccflared.config.accounts import NAME
from ccflared.config.edit import Add, Edit, Put, Remove, Rename
from ccflared.config.editing import Edited, NotEdited, Prepared, commit
from ccflared.config.load import Rejected, load
from ccflared.config.mentions import without_account
from ccflared.config.model import Config, Provider
from ccflared.config.modes import MODES, mode_hint, provider_of
from ccflared.config.stored import forget_secret, free_name, store_secret
from ccflared.config.words import did_you_mean, quoted, shell_word
from ccflared.errors import Refused, UsageError
from ccflared.providers.presets import builtin
from ccflared.secret import Secret


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A new account as it was asked for, complete."""

    provider: str
    facts: Provider
    base_url: str | None
    api_key: Mapping[str, str] | Secret | None
    """Where the key is read from, or the key itself, which is to be stored."""


def add(at: Site, asked: Namespace) -> int:
    """Add an account. Raises UsageError where something is missing or wrong, Refused."""
    check_name(asked.name)
    models = _models(asked.model)
    loaded = load(at.file, environ=at.environ, builtin=builtin())
    if isinstance(loaded, Rejected):
        refused = NotEdited(
            "mistakes", "The file has mistakes already; nothing was written.", loaded.mistakes, before=True
        )
        return tell_refusal(at, refused)
    if asked.name in loaded.config.accounts:
        return tell_refusal(at, NotEdited("taken", f"There is an account {quoted(asked.name)} already."))
    wanted = _complete(asked, loaded.config)
    stored, state = "", None
    api_key: object = wanted.api_key
    if isinstance(api_key, Secret):
        state = state_of(at, loaded.config)
        stored = free_name(state, asked.name)
        api_key = {"stored": stored}
    values = {
        "provider": wanted.provider,
        "base_url": wanted.base_url,
        "api_key": api_key,
        "priority": asked.priority,
        "tier": asked.tier,
        "models": models or None,
    }
    file = same_file(asked.file, loaded.files) if asked.file else None
    given = {key: value for key, value in values.items() if value is not None}
    edit = Add("accounts", asked.name, given, file)
    said = f"Added the account {asked.name} ({wanted.provider}) to {FILES}."
    notes, extra = _next_steps(asked.name, wanted.facts)
    report = Report(said, ("accounts", asked.name), tuple(notes), extra, covers=bool(notes))
    if state is None or not isinstance(wanted.api_key, Secret):
        return make(at, [edit], report)
    return _with_stored(at, [edit], report, (state, stored, wanted.api_key))


def change(at: Site, asked: Namespace) -> int:
    """Set keys of an account. Raises UsageError with everything that is wrong in the words, Refused."""
    edits = settings(asked.name, asked.settings)
    if not edits and not asked.api_key_stdin:
        raise UsageError("What is to be set? For example: ccflared account set NAME priority=10")
    files = opened(at, edits)
    if isinstance(files, NotEdited):
        return tell_refusal(at, files)
    known = files.tables.get("accounts", {})
    if asked.name not in known:
        return tell_refusal(at, unknown("account", asked.name, known))
    be_keys(edits, files.tables)
    names = {*builtin(), *files.tables.get("providers", {})}
    edits = [with_provider(edit, names) for edit in edits]
    report = Report(f"Changed the account {asked.name} in {FILES}.", ("accounts", asked.name))
    if not asked.api_key_stdin:
        done = made(at, edits)
        return tell_refusal(at, done) if isinstance(done, NotEdited) else _settled(at, done, report)
    secret = read_secret(f"New API key of {asked.name}: ")
    loaded = load(at.file, environ=at.environ, builtin=builtin())
    state = state_of(at, Config() if isinstance(loaded, Rejected) else loaded.config)
    stored = free_name(state, asked.name)
    edits = [*edits, Put(("accounts", asked.name, "api_key"), {"stored": stored})]
    return _with_stored(at, edits, report, (state, stored, secret))


def rename(at: Site, old: str, new: str) -> int:
    """Rename an account and every reference to it. Raises UsageError, Refused."""
    check_name(new)
    ready = prepared(at, [Rename("accounts", old, new)])
    if isinstance(ready, NotEdited):
        return _refused(at, ready, old)
    with state_moves(at, ready.loaded.config, old, new) as following:
        done = commit(ready)
        following.written = not isinstance(done, NotEdited)
    if isinstance(done, NotEdited):
        return tell_refusal(at, done)
    others = sum(1 for change in done.changes if not change.key.startswith("accounts"))
    also = ", and where chains and clients name it" if others else ""
    return tell(
        at, done, Report(f"The account {old} is called {new} now, in {FILES}{also}.", ("accounts", new))
    )


def remove(at: Site, name: str, *, force: bool, allow_less: bool) -> int:
    """Take an account out of the file. Raises Refused."""
    ready = prepared(at, [Remove("accounts", name, forced=force)], allow_less=allow_less)
    if isinstance(ready, NotEdited):
        named = ready.kind == "not allowed" and not ready.losses and not force
        return _refused(at, ready, name, hint="--force takes it out there, too." if named else "")
    done = commit(ready)
    if isinstance(done, NotEdited):
        return tell_refusal(at, done)
    said = f"Removed the account {name} from {FILES}.{_gone_with(name, ready)}"
    code = _settled(at, done, Report(said), allow_less=allow_less)
    if code == 0:
        state_goes(at, done.loaded.config, name)
    return code


def _gone_with(name: str, ready: Prepared) -> str:
    """Return, in sentences, what went with an account, and where it was named besides."""
    left = [each for each in ready.loaded.config.accounts if each != name]
    gone = without_account(ready.files.tables, name, left)
    named = [each for each in gone.named_by if each not in gone.whole]
    said = f" With it went {' and '.join(gone.whole)}." if gone.whole else ""
    return said + (f" It is not named any more by {' and '.join(named)}." if named else "")


def _settled(at: Site, done: Edited, report: Report, *, allow_less: bool = False) -> int:
    """Tell what was done, and erase the stored secrets that nothing names since. Returns the exit code."""
    code = tell(at, done, report, allow_less=allow_less)
    if code == 0:
        forget_released(at, done)
    return code


def _with_stored(at: Site, edits: list[Edit], report: Report, kept: tuple[Path, str, Secret]) -> int:
    """Make an edit that refers to a stored secret, which is durable before the file names it."""
    state, name, secret = kept
    ready = prepared(at, edits)
    if isinstance(ready, NotEdited):
        return tell_refusal(at, ready)
    try:
        path = store_secret(state, name, secret)
    except OSError as error:
        raise Refused(
            f"The key cannot be stored in {state / 'secrets'}: {error.strerror}. Nothing was written. "
            "--api-key-env and --api-key-file name a place that the daemon reads it from."
        ) from None
    done = commit(ready)
    if isinstance(done, NotEdited) and done.kind == "conflict":
        done = made(at, edits)
    if isinstance(done, NotEdited):
        hint = ""
        if done.kind == "not writable":
            hint = f"The key is stored as {path}."
        else:
            forget_secret(state, name)
        return tell_refusal(at, done, hint=hint)
    return _settled(at, done, replace(report, said=f"{report.said} The key is stored as {path}."))


def _complete(asked: Namespace, config: Config) -> _Wanted:
    """Find out what is missing; ask for it at a terminal, else name every flag. Raises UsageError."""
    missing: list[str] = []
    given = asked.provider or asked.mode
    if given is None and can_ask():
        given = ask_line("Provider (anthropic, claude-oauth, zai, openrouter, ...): ")
    if not given:
        raise UsageError(
            "What is missing: --provider P (or --mode M). There are: " + ", ".join(config.providers) + "."
        )
    name = provider_of(given, config.providers)
    if name is None:
        flag = "--provider" if asked.provider else "--mode"
        hint = mode_hint(given) or did_you_mean(given, [*config.providers, *MODES])
        raise UsageError(
            f"{flag}: there is no provider {quoted(given)}{hint or '. There are: ' + ', '.join(config.providers) + '.'}"
        )
    facts = config.providers[name]
    base_url = asked.base_url
    if base_url is None and facts.base_url is None:
        base_url = ask_line(f"Base URL of {asked.name}: ") if can_ask() else None
        if not base_url:
            missing.append(f"--base-url U ({name} has no address of its own)")
    api_key = _api_key(asked, name, facts, missing)
    if missing:
        raise UsageError("What is missing: " + "; ".join(missing) + ".")
    return _Wanted(name, facts, base_url, api_key)


def _api_key(
    asked: Namespace, provider: str, facts: Provider, missing: list[str]
) -> Mapping[str, str] | Secret | None:
    given = asked.api_key_env or asked.api_key_file or asked.api_key_stdin
    if facts.oauth is not None:
        if given:
            raise UsageError(
                f"{provider} logs in by OAuth, it takes no API key: leave --api-key-... out, "
                f"then ccflared login {asked.name}"
            )
        return None
    if asked.api_key_env:
        return {"env": asked.api_key_env}
    if asked.api_key_file:
        # Relative to where the command is typed; in the file it would be relative to that.
        return {"file": str(Path(asked.api_key_file).expanduser().absolute())}
    question = f"API key of {asked.name} (not shown): "
    if asked.api_key_stdin:
        return read_secret(question)
    if facts.auth == "none":
        return None
    if missing or not can_ask():
        missing.append("--api-key-env V, --api-key-file F or --api-key-stdin")
        return None
    return ask_secret(question)


def _next_steps(name: str, facts: Provider) -> tuple[list[str], dict[str, Any]]:
    """Return what an account that logs in by OAuth needs next."""
    if facts.oauth is None:
        return [], {}
    login = f"ccflared login {shell_word(name)}"
    if facts.oauth.client_id:
        return [f"Next: {login}"], {"next": login}
    oauth = f"ccflared account set {shell_word(name)} oauth.client_id=ID"
    return [f"Next: {oauth} (the client id that was issued to you), then {login}"], {
        "next": login,
        "before": oauth,
    }


def _models(given: Iterable[str]) -> dict[str, object]:
    """Read ``opus=big-1``; a name that comes several times gets a list. Raises UsageError."""
    found: dict[str, list[str]] = {}
    for each in given:
        name, _, upstream = each.partition("=")
        if not name or not upstream:
            raise UsageError(f"--model {each}: write it as opus=NAME, NAME being the upstream's name.")
        found.setdefault(name, []).append(upstream)
    return {name: names[0] if len(names) == 1 else names for name, names in found.items()}


def check_name(name: str) -> None:
    """Raise UsageError where an account or client cannot have the name."""
    if not re.fullmatch(NAME.pattern, name):
        raise UsageError(f"{quoted(name)} cannot be a name: expected {NAME.expects}.")


def _refused(at: Site, refused: NotEdited, name: str, *, hint: str = "") -> int:
    """Tell a refusal; of a name that there is not, with the one that may be meant."""
    if refused.kind == "unknown":
        files = opened(at)
        if not isinstance(files, NotEdited):
            refused = unknown("account", name, files.tables.get("accounts", {}))
    return tell_refusal(at, refused, hint=hint)
