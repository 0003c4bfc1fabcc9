"""A parser of words that says what may have been meant, and lays out help as it was written. Runs nothing."""

import argparse
import re
import textwrap
from collections.abc import Iterable
from typing import Any, NoReturn


class _Layout(argparse.HelpFormatter):
    """Wraps paragraphs; keeps lines that begin with a space, wrapped below the text of their first column."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for paragraph in _paragraphs(text.strip("\n")):
            begin = indent + " " * (len(paragraph) - len(paragraph.lstrip(" ")))
            hang = begin + "   " if paragraph[2:3].isdigit() else begin
            lines += textwrap.wrap(
                paragraph, width, initial_indent=indent, subsequent_indent=hang, break_on_hyphens=False
            ) or [""]
        return "\n".join(lines)

    def _format_usage(self, *given: Any) -> str:
        """Break the usage between its parts, as argparse does; where that is too wide, with less indentation."""
        usage = super()._format_usage(*given)
        if all(len(line) <= self._width for line in usage.split("\n")):
            return usage
        parts = re.sub(r"\[[^][]*\]", lambda part: part[0].replace(" ", "\0"), " ".join(usage.split()))
        lines = textwrap.wrap(parts, self._width, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join(lines).replace("\0", " ") + "\n\n"

    def _format_action(self, action: argparse.Action) -> str:
        """List words of a command without the line that only repeats them."""
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no other name
            return "".join(self._format_action(word) for word in self._iter_indented_subactions(action))
        return super()._format_action(action)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what may have been meant.

    ``rest``: the argument that takes words behind options as well, which argparse would not know.
    """

    rest: str | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Layout, **options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Say which command may have been meant; argparse calls this for each choice."""
        if action.choices is not None and value not in action.choices:
            import difflib  # noqa: PLC0415 - only for who mistyped

            known = [str(choice) for choice in action.choices]
            close = difflib.get_close_matches(str(value), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f". There are: {', '.join(known)}."
            raise argparse.ArgumentError(None, f"there is no command {value!r}{hint}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Refuse what is left over here, where the command is known whose help tells more."""
        found, left = super().parse_known_args(args, namespace)
        if self.rest is not None and not any(word.startswith("-") for word in left):
            setattr(found, self.rest, [*getattr(found, self.rest), *left])
            left = []
        if any(word.startswith("--api-key") for word in left):
            self.error(
                "a key is no word of a command, where all can read it: --api-key-stdin, --api-key-env V or "
                "--api-key-file F takes it"
            )
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is; exit 2."""
        from ccflared.cli.terminal import complain  # noqa: PLC0415 - only for who mistyped

        complain(f"{self.prog}: {message}\n{self.prog} --help says how it is used.")
        self.exit(2)


def _paragraphs(text: str) -> Iterable[str]:
    """Yield paragraphs: a line that is empty or begins with a space is one; others run together."""
    running: list[str] = []
    for line in text.split("\n"):
        alone = not line.strip() or line.startswith(" ") or line.endswith(":")
        if alone and running:
            yield " ".join(running)
            running = []
        if alone:
            yield line
        else:
            running.append(line)
    if running:
        yield " ".join(running)
