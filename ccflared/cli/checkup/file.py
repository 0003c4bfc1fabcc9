"""The configuration: whether it is right, its secrets can be read, who is trusted, and how old the prices are."""

import stat
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from ccflared.cli.checkup.trust import trust_checks
from ccflared.cli.places import state_for
from ccflared.cli.render.checks import Check
from ccflared.cli.render.words import many
from ccflared.config.load import Loaded, Rejected, Secrets, read_secrets, references
from ccflared.config.model import Config
from ccflared.config.words import dotted
from ccflared.daemon.surroundings import single_files
from ccflared.errors import UsageError
from ccflared.money.unpriced import unpriced

OLD_PRICES: Final = 270
"""Days after which a price list is worth a look."""
_MOST: Final = 8
"""Lines of one kind."""


def file_checks(loaded: Loaded | Rejected, environ: Mapping[str, str], today: date) -> Iterator[Check]:
    """Yield what is to be said of the file. ``today`` is compared with the date of the prices."""
    if isinstance(loaded, Rejected):
        first = loaded.mistakes[0]
        place = f"{first.file}:{first.line}:{first.column}"
        said = f"{many(len(loaded.mistakes), 'mistake')}, the first at {place}: {first.message}"
        yield Check("configuration", "fail", said, f"ccflared check {loaded.files[0]} names them all")
        return
    for mistake in loaded.unusable.values():
        yield Check("certificate", "fail", str(mistake), "the daemon does not start with it")
    config = loaded.config
    others = many(len(loaded.files) - 1, "included file")
    more = f" and {others}" if len(loaded.files) > 1 else ""
    yield Check("configuration", "ok", f"{loaded.files[0]}{more} without mistakes")
    for warning in loaded.warnings[:_MOST]:
        yield Check("configuration", "warn", str(warning))
    for said in single_files(loaded.files):
        what, _, todo = said.partition(". ")
        yield Check("mount", "warn", what, f"{todo[0].lower()}{todo[1:]}")
    missing = _missing(loaded, environ)
    yield from _secrets(config, missing)
    yield from _readable(loaded)
    yield from trust_checks(config)
    yield from _prices(config, today)
    yield _webhook(config, missing)


def _missing(loaded: Loaded, environ: Mapping[str, str]) -> list[tuple[str, str]] | str:
    """Return the secrets that cannot be read from here, by key, each with the reason; or why nobody knows."""
    config = loaded.config
    try:
        state = state_for(config, loaded.files[0], environ)
        read: Secrets = read_secrets(config, environ=environ, state_directory=state)
    except UsageError as error:
        return str(error)
    return [(dotted(path), why) for path, ref in references(config) if (why := read.problem(ref))]


def _secrets(config: Config, missing: list[tuple[str, str]] | str) -> Iterator[Check]:
    named = list(references(config))
    if not named:
        return
    if isinstance(missing, str):
        yield Check("secrets", "warn", missing)
        return
    for key, why in missing[:_MOST]:
        yield Check(
            "secrets",
            "warn",
            f"{key}: {why}",
            "as seen from here; if the daemon says the same in ccflared status, give it this secret",
        )
    if len(missing) > _MOST:
        yield Check("secrets", "warn", f"and {len(missing) - _MOST} more", "ccflared check names them all")
    if not missing:
        yield Check("secrets", "ok", f"{many(len(named), 'secret')} can be read")


def _readable(loaded: Loaded) -> Iterator[Check]:
    """Yield the files with secrets in them that others may read."""
    literal = any(ref.kind == "literal" for _, ref in references(loaded.config))
    open_ones = [file for file in loaded.files if (_mode(file) or 0) & 0o004]
    if literal and open_ones:
        for file in open_ones[:_MOST]:
            yield Check(
                "permissions",
                "warn",
                f"{file} has mode {_mode(file) or 0:04o}: others may read it, and secrets stand in the file",
                f"chmod o-rwx {file}",
            )
    else:
        yield Check("permissions", "ok", "nobody else may change the configuration, or read a secret in it")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _prices(config: Config, today: date) -> Iterator[Check]:
    dated = shipped_date()
    if dated is not None:
        age = (today - dated).days
        if age > OLD_PRICES:
            yield Check(
                "prices",
                "warn",
                f"the shipped prices are of {dated}, {age // 30} months old",
                "upgrade ccflared, or put what has changed into [pricing]",
            )
        else:
            yield Check("prices", "ok", f"the shipped prices are of {dated}")
    for said in unpriced(config)[:_MOST]:
        yield Check("prices", "warn", said)


def shipped_date() -> date | None:
    """Return the date of the shipped prices."""
    import tomllib  # noqa: PLC0415 - only here
    from importlib.resources import files  # noqa: PLC0415 - the same

    text = files("ccflared.money").joinpath("prices.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text).get("date")
    return date.fromisoformat(given) if isinstance(given, str) else given if isinstance(given, date) else None


def _webhook(config: Config, missing: list[tuple[str, str]] | str) -> Check:
    if config.alerts.webhook is None:
        return Check(
            "alerts", "ok", "no webhook: alerts stand in ccflared alert list, in status and in the log"
        )
    lost = (
        () if isinstance(missing, str) else [key for key, _ in missing if key.startswith("alerts.webhook.")]
    )
    if lost:
        return Check(
            "alerts",
            "warn",
            f"nothing can be posted to the webhook: {' and '.join(lost)} cannot be read from here",
            "see secrets above; ccflared alert test tries whether the daemon can",
        )
    return Check(
        "alerts", "ok", f"a webhook is set ({config.alerts.webhook.format}); ccflared alert test tries it"
    )
