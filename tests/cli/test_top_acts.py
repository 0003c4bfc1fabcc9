"""What is done from ``ccflared top``, before a real daemon: its state and its file are as was wanted afterwards."""

from pathlib import Path

import pytest
from rest import read_only
from scene import daemon_at
from top_seat import Person, account, before

from ccflared.config.editing import NotEdited, Prepared
from ccflared.demo.script import Failing, Limited


def test_pause_and_resume_act_at_once_and_say_how_to_go_back(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.pause("first")
            assert "Resume brings it back." in await person.hears("first is paused")
            assert account(daemon, "first")["state"] == "paused"
            person.acts.resume("first")
            await person.hears("first is resumed")
            assert account(daemon, "first")["state"] == "ready"

        assert before(daemon, play).refreshed == 2


def test_an_account_that_is_not_there_any_more_is_told_of_calmly(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.pause("gone away")
            assert "gone away" in await person.sees("Not done", "There is no account", "Enter or Esc close")
            await person.press("enter")
            await person.home()

        before(daemon, play)


def test_a_reset_asks_first_and_enter_leaves_everything_as_it_is(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.play("sk-first", Limited(600))
        daemon.ask()
        assert account(daemon, "first")["state"] == "resting"

        async def play(person: Person) -> None:
            person.acts.reset("first")
            await person.sees("Forget what was learnt about first?", "y forget it", "Enter or Esc leave it")
            await person.press("enter")
            await person.home()
            assert account(daemon, "first")["state"] == "resting"
            person.acts.reset("first")
            await person.sees("y forget it")
            await person.press("y")
            await person.hears("Everything learnt about first is forgotten")
            assert account(daemon, "first")["state"] == "ready"

        before(daemon, play)


def test_a_priority_is_typed_then_seen_as_a_diff_then_written(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first", "lower is preferred")
            await person.types("x")
            await person.press("enter")
            await person.sees("A whole number is expected.")
            await person.types("7")
            await person.press("enter")
            await person.sees("-priority = 0", "+priority = 7", "Enter write it", "Esc cancel")
            assert daemon.stage.config.read_text() == text
            await person.press("enter")
            await person.hears("Account first is changed.")
            await person.home()
            assert daemon.stage.config.read_text() == text.replace("priority = 0", "priority = 7")
            assert account(daemon, "first")["priority"] == 7

        assert before(daemon, play).refreshed


def test_what_is_cancelled_before_it_is_written_leaves_the_file_alone(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            await person.types("7")
            await person.press("enter")
            await person.sees("+priority = 7")
            await person.press("escape")
            await person.sees("lower is preferred")
            await person.press("escape")
            await person.home()

        app = before(daemon, play)
        assert (daemon.stage.config.read_text(), app.refreshed) == (text, 0)


def test_what_is_so_already_is_not_written(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.priority("second", 1)
            await person.sees("Priority of second")
            await person.press("enter")
            assert "write it" not in await person.sees("It is so already; nothing would be written.")
            await person.press("enter")
            await person.sees("lower is preferred")

        before(daemon, play)


def test_a_rename_changes_every_mention(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["first", "second"]\n'
    with daemon_at(tmp_path, more=chain) as daemon:

        async def play(person: Person) -> None:
            person.acts.rename("first")
            await person.sees("Rename first", "every mention in the file is changed")
            for wrong, said in (("first", "That is its name."), ("-x", "Expected: a name of letters")):
                await person.types(wrong)
                await person.press("enter")
                await person.sees(said)
            await person.types("my plan")
            await person.press("enter")
            await person.sees("Rename first to my plan", '+[accounts."my plan"]', '"my plan", "second"')
            await person.press("enter")
            await person.hears("Account first is called my plan now.")

        before(daemon, play)
        text = daemon.stage.config.read_text()
        assert '[accounts."my plan"]' in text
        assert 'try = ["my plan", "second"]' in text


def test_an_account_is_removed_once_its_name_is_typed(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.remove("second")
            await person.sees("Its history stays.", "-[accounts.second]", "Type second to confirm")
            await person.press("enter")
            await person.sees("That is not second.")
            await person.types("first")
            await person.press("enter")
            await person.sees("That is not second.")
            assert "[accounts.second]" in daemon.stage.config.read_text()
            await person.types("second")
            await person.press("enter")
            await person.hears("Account second is removed")
            await person.home()

        before(daemon, play)
        assert "[accounts.second]" not in daemon.stage.config.read_text()


def test_an_account_that_a_chain_names_goes_only_if_that_is_meant_too(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["first", "second"]\n'
    with daemon_at(tmp_path, more=chain) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            person.acts.remove("second")
            await person.sees("is named by the chain for opus.", "y take it out of those, too")
            await person.press("enter")
            await person.home()
            assert daemon.stage.config.read_text() == text
            person.acts.remove("second")
            await person.sees("is named by the chain for opus.")
            await person.press("y")
            await person.sees("-[accounts.second]", "Type second to confirm")
            await person.types("second")
            await person.press("enter")
            await person.hears("Account second is removed")

        before(daemon, play, size=(80, 50))
        assert '"second"' not in daemon.stage.config.read_text()


def test_the_last_account_goes_only_if_the_loss_is_meant(tmp_path: Path) -> None:
    with daemon_at(tmp_path, names=("only",)) as daemon:

        async def play(person: Person) -> None:
            person.acts.remove("only")
            said = await person.sees("Something would go that nobody loses by accident:", "y that is meant")
            assert "allowLess" not in said
            await person.press("y")
            await person.sees("Type only to confirm")
            await person.types("only")
            await person.press("enter")
            await person.hears("Account only is removed")

        before(daemon, play)
        assert "[accounts.only]" not in daemon.stage.config.read_text()


def test_a_test_says_what_it_sends_and_then_what_came_of_it(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.play("sk-second", Failing(500))

        async def play(person: Person) -> None:
            person.acts.test("first")
            await person.sees("One request for one token is sent", "Enter send it", "Esc cancel")
            await person.press("escape")
            await person.home()
            assert not daemon.stage.provider.seen
            person.acts.test("first")
            await person.sees("Enter send it")
            await person.press("enter")
            await person.sees("● first answered in", "Enter look at the request")
            await person.press("enter")
            await person.sees("Tries", "200 served", "chosen: account test")
            await person.press("escape")
            await person.home()
            person.acts.test("second")
            await person.sees("Enter send it")
            await person.press("enter")
            await person.sees("✗ second did not serve")

        before(daemon, play)


def test_a_reload_shows_the_verdict_and_its_mistakes(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            person.acts.reload()
            await person.sees("Nothing has changed; the configuration in force stays as it is.")
            await person.press("enter")
            await person.home()
            daemon.stage.edit(text.replace("priority = 0", 'priority = "no"'))
            person.acts.reload()
            said = await person.sees("was refused for 1 mistake", 'priority = "no"')
            assert "that is meant" not in said

        before(daemon, play, size=(120, 30))


def test_a_reload_that_would_take_something_away_asks_whether_that_is_meant(tmp_path: Path) -> None:
    with daemon_at(tmp_path, names=("only",)) as daemon:
        text = daemon.stage.config.read_text()

        async def play(person: Person) -> None:
            daemon.stage.edit(text[: text.index("[accounts.only]")])
            person.acts.reload()
            await person.sees("because it would take something away", "y that is meant")
            assert len(daemon.call("GET", "/api/accounts").json()) == 1
            await person.press("y")
            await person.sees("is in force")
            assert daemon.call("GET", "/api/accounts").json() == []

        before(daemon, play)


def test_where_the_daemon_may_not_write_the_toml_is_shown_whole_to_be_taken_along(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            await person.types("7")
            await person.press("enter")
            said = await person.sees(
                "The daemon may not write the file", "[accounts.first] priority = 7", "^Y copy"
            )
            assert "Enter write it" not in said
            await person.press("ctrl+y")
            await person.hears("Copied.")
            assert person.app.clipboard == "[accounts.first]\npriority = 7"
            await person.press("ctrl+o")
            await person.hears("cannot be left")

        with read_only(tmp_path, daemon.stage.config):
            before(daemon, play)


def test_what_comes_in_the_way_only_when_it_is_written_is_told_with_the_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(prepared: Prepared) -> NotEdited:
        file = prepared.files.main
        return NotEdited("not writable", f"{file} may not be written.", paste=prepared.paste, file=file)

    with daemon_at(tmp_path) as daemon:
        text = daemon.stage.config.read_text()
        monkeypatch.setattr("ccflared.daemon.edits.commit", refuse)

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            await person.types("7")
            await person.press("enter")
            await person.sees("+priority = 7")
            await person.press("enter")
            await person.sees("may not be written.", "[accounts.first] priority = 7", "Enter or Esc close")

        before(daemon, play)
        assert daemon.stage.config.read_text() == text


def test_a_file_that_is_broken_already_is_not_edited(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        broken = daemon.stage.config.read_text() + "\nnonsense = 1\n"
        daemon.stage.edit(broken)

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            await person.types("7")
            await person.press("enter")
            await person.sees("nonsense", "Enter or Esc close")

        before(daemon, play)
        assert daemon.stage.config.read_text() == broken
