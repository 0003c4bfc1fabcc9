"""Adding an account: the provider, then what it needs, then the change as it will be written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from ccflared.cli.client import Answer
from ccflared.cli.login import TERMS
from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, clip
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.fields import Field, SecretField, wrong_name, wrong_number, wrong_url
from ccflared.cli.top.dialogs.frame import EITHER, LEAVE, Dialog, Key
from ccflared.cli.top.dialogs.login import Login
from ccflared.cli.top.dialogs.review import Review, Wish
from ccflared.cli.top.dialogs.written import Written, glyphs, paragraphs

_HOW: Final = {"oauth": "by login", "key": "by API key", "none": "without a key"}
_NAME_CELLS: Final = 22
_HOST: Final = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_ROOMY: Final = 16
"""Lines of a screen that has room for more than the list."""
_STAND_IN: Final = "typed"
"""What a preview has in place of a secret, which is sent only when it is written."""


class Provider:
    """A provider as ``GET /api/providers`` tells of it."""

    def __init__(self, value: object) -> None:
        told = Json(value)
        self.name = told.text("name")
        self.describes = told.text("describes")
        self.base_url = told.text("base_url")
        self.auth = told.text("auth")
        self.builtin = told.flag("builtin", default=True)
        self.lacks = told.texts("login_lacks")
        self.unavailable = told.text("unavailable")
        self.keys = {
            key.text("name"): key.flag("required", default=False) for key in told.parts("account_keys")
        }

    @property
    def rank(self) -> int:
        """Where it stands in the list: plans, the file's own, those that need an address, keys, and without a key."""
        if self.auth == "oauth":
            return 0
        if not self.builtin:
            return 1
        return 2 if not self.base_url else 3 if self.auth == "key" else 4


class Row(Static):
    """A provider in the list."""

    DEFAULT_CSS = "Row { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Pressed(Message):
        """It was clicked."""

        def __init__(self, provider: Provider) -> None:
            super().__init__()
            self.provider = provider

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        name, signs = provider.name, glyphs()
        how = provider.unavailable or _HOW.get(provider.auth, "")
        host = _HOST.match(provider.base_url)
        where = host[1] if host else provider.base_url or "at an address of yours"
        tone = "dim" if provider.unavailable else "bold"
        self._said = Content.assemble(
            (f" {clip(name, _NAME_CELLS, signs):<{_NAME_CELLS}}  ", tone), f"{how:<14}", (f"{where} ", "dim")
        )

    def on_mount(self) -> None:
        """Show it as one of many."""
        self.mark(chosen=False)

    def mark(self, *, chosen: bool) -> None:
        """Show whether it is the one that is chosen."""
        self.update(self._said.stylize("reverse") if chosen else self._said)
        if chosen:
            self.scroll_visible(animate=False)

    def on_click(self) -> None:
        """Say that it was clicked."""
        self.post_message(self.Pressed(self.provider))


class Choose(Dialog[bool]):
    """Asks for the provider of a new account, and then for the account. Gives True once it is in the file."""

    DEFAULT_CSS = "Choose #about { margin-top: 1; min-height: 2; }"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Add an account: the provider")
        self._providers: list[Provider] = []
        self._chosen: Provider | None = None
        self._taken: tuple[str, ...] = ()

    def head(self) -> Iterable[Widget]:
        """Return the title, and the field to search in."""
        yield from super().head()
        search = Field("Search", id="search")
        search.display = False
        yield search

    def contents(self) -> Iterable[Widget]:
        """Return what is said while there is no list."""
        yield Written(paragraphs("Asking the daemon which there are …"), id="text")

    def below(self) -> Iterable[Widget]:
        """Return what the provider is."""
        about = Written(paragraphs(""), id="about")
        about.display = False
        yield about

    def on_mount(self) -> None:
        """Ask which there are."""
        self.keys(LEAVE)
        self.desk.get("/api/providers", self._told)

    def fit(self) -> None:
        """Fit into the screen; on a small one the list is more than what is said of a provider."""
        self.query_one("#about").display = bool(self._providers) and self.size.height >= _ROOMY
        super().fit()

    def _told(self, outcome: Outcome) -> None:
        if self.gone:
            return
        if not isinstance(outcome, Answer) or outcome.status != 200 or not isinstance(outcome.value, list):
            self.write(str(failure_of(outcome, "account add")))
            self.keys(EITHER)
            return
        self._providers = sorted(map(Provider, outcome.value), key=lambda each: each.rank)
        self.desk.get("/api/accounts", self._named)

    async def _named(self, outcome: Outcome) -> None:
        if self.gone:
            return
        # Without them a name that is taken is found out by the preview.
        value = outcome.value if isinstance(outcome, Answer) else None
        self._taken = tuple(Json(each).text("name") for each in value) if isinstance(value, list) else ()
        self.query_one("#text").display = False
        await self.body.mount_all(Row(each) for each in self._providers)
        search = self.query_one("#search", Field)
        search.display = True
        search.input.focus()
        self.keys(Key("↑↓", "choose", "move(1)"), Key("Enter", "go on", "go"), LEAVE)
        self._search("")

    @property
    def _fitting(self) -> list[Provider]:
        return [row.provider for row in self.query(Row) if row.display and not row.provider.unavailable]

    def _search(self, wanted: str) -> None:
        words = wanted.lower().split()
        for row in self.query(Row):
            each = row.provider
            row.display = all(
                word in f"{each.name} {each.describes} {each.base_url}".lower() for word in words
            )
        fitting = self._fitting
        named = [each for each in fitting if words and each.name.lower().startswith(words[0])]
        likely = named or fitting
        self._choose(self._chosen if self._chosen in likely else likely[0] if likely else None)

    def _choose(self, provider: Provider | None) -> None:
        self._chosen = provider
        for row in self.query(Row):
            row.mark(chosen=row.provider is provider)
        said = (
            provider.describes if provider else "None is of that kind. [providers.NAME] in the file adds one."
        )
        self.query_one("#about", Written).rewrite(paragraphs(said))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those that fit what was typed."""
        event.stop()
        self._search(event.value)

    def on_row_pressed(self, event: Row.Pressed) -> None:
        """Choose what was clicked, and go on with what was chosen already."""
        event.stop()
        if event.provider is self._chosen:
            self.action_go()
        elif not event.provider.unavailable:
            self._choose(event.provider)

    def action_move(self, lines: int) -> None:
        """Choose another."""
        fitting = self._fitting
        if self._chosen is not None:
            at = fitting.index(self._chosen) + lines
            self._choose(fitting[max(0, min(at, len(fitting) - 1))])

    def action_leaf(self, pages: int) -> None:
        """Choose one a page further."""
        self.action_move(pages * max(1, self.body.size.height - 1))

    def action_go(self) -> None:
        """Ask for the account; close it where there is no list."""
        if not self._providers:
            self.dismiss(None)
        elif self._chosen is not None:
            self.desk.app.push_screen(NewAccount(self.desk, self._chosen, self._taken), self._added)

    def _added(self, name: str | None) -> None:
        if name is None:
            return
        self.dismiss(True)
        if name and self._chosen is not None and not self._chosen.lacks:
            self.desk.app.push_screen(Login(self.desk, name))


class NewAccount(Dialog[str]):
    """Asks for what a new account needs. Gives the name that is to be logged in now, or "" where none is."""

    def __init__(self, desk: Desk, provider: Provider, taken: Sequence[str]) -> None:
        super().__init__(desk, f"Add an account at {provider.name}")
        self._provider = provider
        self._taken = tuple(taken)
        self._sent: set[str] = set()
        """Secrets that were sent, and are not here any more."""

    def contents(self) -> Iterable[Widget]:
        """Return the fields."""
        provider = self._provider
        yield Field("Name", value=self._free_name(), id="name")
        if provider.auth == "key":
            yield SecretField("API key", hint="Not shown. Empty: none yet", id="apiKey")
        if "base_url" in provider.keys:
            need = provider.keys["base_url"]
            hint = (
                "An address is needed."
                if need
                else f"Empty: {provider.base_url or 'the provider has its own'}"
            )
            yield Field("Base URL", hint=hint, id="base_url")
        if provider.auth == "oauth":
            yield Written(self._login, id="text")
            hint = "Empty: you log in afterwards. Else one of your own; not shown."
            yield SecretField("Access token", hint=hint, id="accessToken")
            yield SecretField("Refresh token", hint="If there is one.", id="refreshToken")
        yield Field("Priority", hint="Lower is preferred. Empty: 0", id="priority")
        hint = "Pro 1, Max 5x 5, Max 20x 20. Empty: 1"
        yield Field("Tier", hint=hint, id="tier")

    def on_mount(self) -> None:
        """Be ready to be typed into."""
        first = self._field("name")
        first.input.focus()
        first.input.select_all()
        self.keys(Key("Tab", "next field", "next"), Key("Enter", "look at the change", "go"), LEAVE)

    def action_leave(self) -> None:
        """Give up, and forget secrets that were typed and not sent."""
        for secret in self.query(SecretField):
            secret.forget()
        super().action_leave()

    def _login(self, sheet: Sheet) -> list[Line]:
        lines = sheet.text(Span(TERMS, "faint"), indent=0)
        if self._provider.lacks:
            table = f"[providers.{self._provider.name}.oauth]"
            keys = "  ".join(f'{key} = "…"' for key in self._provider.lacks)
            said = "A login needs what was issued to you, and none is shipped. Put it into the file first:"
            lines += [(), *sheet.text(Span(said, "warn"), indent=0)]
            lines += [*sheet.text(Span(table, "strong")), *sheet.text(Span(keys, "strong"))]
        return [*lines, ()]

    def _free_name(self) -> str:
        wanted, number = self._provider.name, 1
        while (name := wanted if number == 1 else f"{wanted}-{number}") in self._taken:
            number += 1
        return name

    def _field(self, name: str) -> Field:
        return self.query_one(f"#{name}", Field)

    def _value(self, name: str) -> str:
        found = self.query(f"#{name}").results(Field)
        return next((field.value for field in found), "")

    def action_next(self) -> None:
        """Go to the next field."""
        self.focus_next()

    def action_go(self) -> None:
        """Show what would be written, if what was typed can be meant."""
        if self._mistaken():
            return
        body: dict[str, Any] = {"name": self._value("name"), "provider": self._provider.name}
        if url := self._value("base_url"):
            body["base_url"] = url
        for key in ("priority", "tier"):
            if typed := self._value(key):
                body[key] = int(typed)
        given = [str(secret.id) for secret in self.query(SecretField) if secret.value]
        wish = Wish(
            f"Add {body['name']}",
            "POST",
            "/api/accounts",
            body,
            secrets=self._secrets,
            stand_ins=dict.fromkeys(given, _STAND_IN),
        )
        self.desk.app.push_screen(Review(self.desk, wish), self._reviewed)

    def _secrets(self) -> Mapping[str, str]:
        found = {str(secret.id): secret.take() for secret in self.query(SecretField)}
        given = {name: value for name, value in found.items() if value}
        self._sent |= given.keys()
        return given

    def _mistaken(self) -> bool:
        """Say of each field what is wrong with it, and go to the first; returns whether there is one."""
        url = self._value("base_url")
        need = self._provider.keys.get("base_url", False)
        wrong = {
            "name": wrong_name(self._value("name"), self._taken),
            "base_url": wrong_url(url) if url else "An address is needed." if need else "",
            "priority": wrong_number(self._value("priority"), least=None),
            "tier": wrong_number(self._value("tier"), least=1),
        }
        if self._value("refreshToken") and not self._value("accessToken"):
            wrong["refreshToken"] = "It needs its access token."
        mistaken = False
        for field in self.query(Field):
            if field.wrong(wrong.get(str(field.id), "")) and not mistaken:
                mistaken = True
                field.input.focus()
        return mistaken

    def _reviewed(self, written: bool | None) -> None:
        if written:
            self.dismiss("" if self._provider.auth != "oauth" or self._sent else self._value("name"))
            return
        for secret in self.query(SecretField):
            if not secret.value and str(secret.id) in self._sent:
                secret.wrong("It was sent, and is kept here no longer: type it again.")
