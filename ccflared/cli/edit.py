"""``ccflared edit``: the file in an editor, checked when the editor ends, and only then put in its place."""

import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ccflared.cli.asking import ask_line, can_ask
from ccflared.cli.configuration import shown
from ccflared.cli.edits import Report, Site, same_file, tell, tell_refusal
from ccflared.cli.render.layout import Line
from ccflared.cli.terminal import complain, stderr, stdout
from ccflared.config.editing import NotEdited, Prepared, commit, judge, unreadable
from ccflared.config.load import Files, Rejected, read_files
from ccflared.config.save import Obstacle, copy_beside
from ccflared.errors import Refused, UsageError
from ccflared.providers.presets import builtin

_USUAL = ("sensible-editor", "editor", "nano", "vim", "vi")


def edit(at: Site, file: Path | None) -> int:
    """Let a person edit the main file, or ``file``, which it includes. Raises UsageError, Refused."""
    if not can_ask():
        raise UsageError(
            "ccflared edit needs a terminal. Without one: change the file, and ccflared check says whether it is good."
        )
    files = read_files(at.file, at.environ, broken=True)
    if isinstance(files, Rejected):
        return tell_refusal(at, unreadable(files))
    target = files.main if file is None else same_file(file, files.texts)
    if target not in files.texts:
        raise UsageError(
            f"{target} is not included by {files.main}; ccflared edit --file takes: {_names(files.texts)}."
        )
    command = _editor(at)
    copy = copy_beside(target, files.texts[target].encode())
    if isinstance(copy, Obstacle):
        raise Refused(f"{copy.path} {copy.sentence}.")
    over = False
    try:
        code, over = _rounds(at, files, target, copy, command)
        return code
    finally:
        if over or not _differs(copy, files.texts[target]):
            copy.unlink(missing_ok=True)
        else:
            complain(f"What you wrote is kept in {copy}.")


def _rounds(at: Site, files: Files, target: Path, copy: Path, command: list[str]) -> tuple[int, bool]:
    """Edit and judge until it is good or given up. Returns the exit code, and whether the copy has served its turn."""
    allow_less = False
    while True:
        _run(command, copy)
        try:
            text = copy.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"What the editor left cannot be read ({error}). Nothing was changed.") from None
        if text == files.texts[target]:
            stdout().write(stdout().sheet().text("Nothing was changed.", indent=0))
            return 0, True
        judged = judge(files, {target: text}, environ=at.environ, builtin=builtin(), allow_less=allow_less)
        if isinstance(judged, NotEdited):
            answer = _what_now(judged)
            if answer == "x":
                stdout().write(stdout().sheet().text(f"{target} stays as it was.", indent=0))
                return 4, True
            if answer == "e":
                continue
            allow_less = True
            judged = judge(files, {target: text}, environ=at.environ, builtin=builtin(), allow_less=True)
        if isinstance(judged, Prepared):
            done = commit(judged)
            if isinstance(done, NotEdited):
                return tell_refusal(at, done), False
            return tell(at, done, Report(f"{target} is saved."), allow_less=allow_less), True


def _differs(copy: Path, original: str) -> bool:
    """Whether a copy is there and holds something else than the original."""
    try:
        return copy.read_bytes() != original.encode()
    except OSError:
        return False


def _what_now(refused: NotEdited) -> str:
    """Show what is wrong and ask what to do. A file with mistakes cannot be saved: the daemon would not take it.

    Raises Refused where they leave instead of answering.
    """
    terminal = stderr()
    sheet = terminal.sheet()
    lines: list[Line] = [*shown(refused.mistakes, terminal), ()]
    choices = {"e": "(e)dit again", "x": "(x) leave it as it was"}
    if refused.losses:
        lines += sheet.text(" ".join(refused.losses), indent=0)
        choices["a"] = "(a)pply it all the same"
    terminal.write(lines)
    while True:
        answer = ask_line(f"{', '.join(choices.values())}: ").casefold()[:1]
        if answer in choices:
            return answer


def _run(command: list[str], copy: Path) -> None:
    # Ctrl-C is meant for the editor. A handler, unlike SIG_IGN, is not inherited by it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.call([*command, str(copy)])  # noqa: S603 - the editor that its user has chosen
    except OSError as error:
        said = f"The editor {command[0]} cannot be started: {error.strerror}. $EDITOR names it."
        raise Refused(said) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if code != 0:
        raise Refused(f"The editor ended with status {code}. Nothing was changed.")


def _editor(at: Site) -> list[str]:
    given = at.environ.get("VISUAL") or at.environ.get("EDITOR")
    if given:
        try:
            words = shlex.split(given)
        except ValueError:
            words = []
        if words:
            return words
    for name in _USUAL:
        if shutil.which(name):
            return [name]
    raise UsageError("There is no editor; set $EDITOR to one.")


def _names(files: Iterable[Path]) -> str:
    return ", ".join(str(file) for file in files)
