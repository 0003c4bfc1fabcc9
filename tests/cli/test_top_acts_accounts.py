"""Adding accounts from ``ccflared top``, and logging them in: what is secret is sent once and seen nowhere."""

import logging
from functools import partial
from pathlib import Path

import pytest
from issuer import FakeIssuer, Refusing
from logins import issued, kept
from scene import daemon_at
from textual.widgets import Input
from top_seat import Person, account, before

SECRET = "sk-nobody-may-see-this"


async def choose(person: Person, provider: str) -> None:
    person.acts.add()
    await person.sees("Add an account: the provider", "↑↓ choose", "claude-oauth")
    await person.types(provider)
    await person.until(lambda: f"\n│  {provider} " in person.seen(), provider)
    await person.press("enter")
    await person.sees(f"Add an account at {provider}")


async def fill(person: Person, **values: str) -> None:
    """Type values into fields by their names."""
    for name, value in values.items():
        person.app.screen.query_one(f"#{name} Input", Input).focus()
        await person.types(value)


def fields(person: Person) -> dict[str, str]:
    return {str(field.parent.id): field.value for field in person.app.screen.query(Input) if field.parent}


def test_an_account_is_added_and_its_key_is_kept_beside_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with daemon_at(tmp_path) as daemon:
        seen: list[str] = []

        async def play(person: Person) -> None:
            await choose(person, "anthropic-compatible")
            await fill(
                person,
                name="third one",
                apiKey=SECRET,
                base_url=f"http://127.0.0.1:{daemon.stage.provider_port}",
                priority="3",
                tier="5",
            )
            seen.append(person.seen())
            await person.press("enter")
            await person.sees('+[accounts."third one"]', "+priority = 3", "+tier = 5", 'stored = "third one"')
            seen.append(person.seen())
            assert "third one" not in daemon.stage.config.read_text()
            await person.press("enter")
            await person.hears("Account third one (anthropic-compatible) is added.")
            await person.home()
            seen.append(person.seen() + person.told() + person.app.clipboard)

        before(daemon, play, size=(80, 50))
        assert all(SECRET not in each for each in seen)
        assert SECRET not in daemon.stage.config.read_text()
        assert SECRET not in caplog.text
        assert (daemon.stage.state / "secrets" / "third one").read_text().strip() == SECRET
        told = daemon.call("POST", "/api/accounts/third%20one/test").json()
        assert told["success"], told
        assert daemon.stage.provider.seen[-1].key == SECRET


def test_what_is_wrong_with_a_form_is_said_beside_its_fields(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            await choose(person, "openai-compatible")
            await fill(person, name="first", priority="high", tier="0")
            await person.press("enter")
            await person.sees(
                "There is one of that name already.",
                "An address is needed.",
                "A whole number is expected.",
                "At least 1 is expected.",
            )
            await fill(person, name="-", base_url="llm.example.com")
            await person.press("enter")
            await person.sees("Expected: a name of letters", "A full address is expected")
            await person.press("escape")
            await person.sees("Add an account: the provider")
            await person.press("escape")
            await person.home()

        before(daemon, play, size=(80, 40))
        assert daemon.stage.config.read_text() == text


def test_a_key_that_was_typed_and_not_sent_is_forgotten(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            await choose(person, "zai")
            await fill(person, apiKey=SECRET)
            typed = person.app.screen.query_one("#apiKey Input", Input)
            # It does not get into the clipboard, whatever is pressed: Ctrl-X does nothing.
            await person.press("home", "shift+end", "ctrl+x")
            assert (person.app.clipboard, typed.value) == ("", SECRET)
            await person.press("escape")
            await person.sees("Add an account: the provider")
            await person.until(lambda: not typed.value, "the key is gone")

        before(daemon, play)
        assert not list((daemon.stage.state / "secrets").glob("*"))


def test_a_key_is_sent_once_and_asked_for_again_where_that_came_to_nothing(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            await choose(person, "zai")
            await fill(person, name="mine", apiKey=SECRET)
            await person.press("enter")
            await person.sees("+[accounts.mine]")
            # Somebody else takes the name meanwhile.
            daemon.call("POST", "/api/accounts/zai", {"name": "mine", "apiKey": "sk-other"})
            await person.press("enter")
            await person.sees('There is an account "mine" already', "Enter or Esc close")
            await person.press("enter")
            await person.sees("It was sent, and is kept here no longer: type it again.")
            assert fields(person)["apiKey"] == ""
            assert fields(person)["name"] == "mine"

        before(daemon, play)


def test_providers_are_found_by_a_part_of_their_name_and_chosen_by_arrows(tmp_path: Path) -> None:
    with daemon_at(tmp_path, more='[providers.own]\nbase_url = "http://127.0.0.1:1"\n') as daemon:

        async def play(person: Person) -> None:
            person.acts.add()
            await person.sees("claude-oauth", "own", "by login; a plan pays.")
            await person.press("down")
            await person.sees("at 127.0.0.1")
            await person.press("up", "up", "pagedown", "pageup")
            await person.sees("by login; a plan pays.")
            await person.types("[bold]")
            await person.sees("[bold]", "None is of that kind.")
            await person.press("enter")
            await person.types("seek")
            await person.sees("deepseek")
            await person.press("enter")
            await person.sees("Add an account at deepseek", "https://api.deepseek.com")

        before(daemon, play, size=(80, 30))


def test_a_login_shows_the_address_and_takes_the_code(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("plan", "second")) as daemon:
        assert account(daemon, "plan")["state"] == "needs login"

        async def play(person: Person) -> None:
            person.acts.login("plan")
            said = await person.sees(
                "Open this address in a browser", "decided by the plan's terms", "Enter log in"
            )
            await person.press("ctrl+y")
            await person.hears("Copied.")
            address = person.app.clipboard
            assert address in "".join(line.strip("│ ") for line in person.seen().split("\n")), said
            await person.press("enter")
            await person.sees("The code is needed.")
            await person.types("half-a-code")
            await person.press("enter")
            await person.sees("the state is missing")
            await person.types(issuer.approve(address))
            await person.press("enter")
            await person.hears("plan is logged in.")
            await person.home()

        before(daemon, play, size=(80, 40))
        assert kept(daemon.stage) is not None
        assert account(daemon, "plan")["state"] == "ready"


def test_a_login_that_came_to_nothing_can_be_begun_again(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("plan", "second")) as daemon:

        async def play(person: Person) -> None:
            person.acts.login("plan")
            await person.sees("Open this address")
            await person.press("ctrl+y")
            first = person.app.clipboard
            issuer.tricks.append(Refusing(400, b'{"error":"invalid_grant"}'))
            await person.types(issuer.approve(first))
            await person.press("enter")
            await person.sees("^R start again")
            await person.press("ctrl+r")
            await person.sees("Open this address")
            await person.press("ctrl+y")
            assert person.app.clipboard != first
            await person.press("escape")
            await person.home()

        before(daemon, play, size=(80, 40))
        assert kept(daemon.stage) is None


def test_an_account_that_needs_no_login_says_so(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.login("first")
            assert "Enter log in" not in await person.sees("first needs no login", "Esc close")

        before(daemon, play)


def test_logging_out_asks_first(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}" }}'
    stage = partial(issued, issuer=issuer, tokens=tokens)
    with daemon_at(tmp_path, stage=stage, names=("plan", "second")) as daemon:
        assert account(daemon, "plan")["state"] == "ready"

        async def play(person: Person) -> None:
            person.acts.logout("plan")
            await person.sees("Its tokens are erased.", "y log it out")
            await person.press("enter")
            await person.home()
            assert account(daemon, "plan")["state"] == "ready"
            person.acts.logout("plan")
            await person.sees("y log it out")
            await person.press("y")
            assert "Log in brings it back." in await person.hears("plan is logged out.")
            assert account(daemon, "plan")["state"] == "needs login"

        before(daemon, play)


def test_a_new_account_that_logs_in_is_logged_in_at_once(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("plan", "second")) as daemon:

        async def play(person: Person) -> None:
            await choose(person, "login")
            await person.sees("decided by the plan's terms", "you log in afterwards")
            await fill(person, name="mine", base_url=f"http://127.0.0.1:{daemon.stage.provider_port}")
            await person.press("enter")
            await person.sees("+[accounts.mine]")
            await person.press("enter")
            await person.sees("Log mine in", "Open this address")
            await person.press("ctrl+y")
            await person.types(issuer.approve(person.app.clipboard))
            await person.press("enter")
            await person.hears("mine is logged in.")
            await person.home()

        before(daemon, play, size=(80, 40))
        assert kept(daemon.stage, "mine") is not None


def test_a_token_of_ones_own_makes_a_login_needless(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, _ = issuer.log_in()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("plan", "second")) as daemon:

        async def play(person: Person) -> None:
            await choose(person, "login")
            await fill(person, name="mine", base_url=f"http://127.0.0.1:{daemon.stage.provider_port}")
            await fill(person, refreshToken="rt-alone")
            await person.press("enter")
            await person.sees("It needs its access token.")
            await fill(person, accessToken=access, refreshToken="")
            await person.press("enter")
            assert access not in await person.sees("+[accounts.mine]")
            await person.press("enter")
            await person.hears("Account mine (login) is added.")
            await person.home()

        before(daemon, play, size=(80, 50))
        assert account(daemon, "mine")["state"] == "ready"
        assert access not in daemon.stage.config.read_text()


def test_a_provider_without_a_client_id_says_what_the_file_has_to_have_first(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            await choose(person, "claude-oauth")
            await person.sees("none is shipped", "[providers.claude-oauth.oauth]", 'client_id = "…"')
            await person.press("enter")
            await person.sees("+[accounts.claude-oauth]")
            await person.press("enter")
            await person.hears("is added")
            await person.home()

        before(daemon, play, size=(80, 40))
