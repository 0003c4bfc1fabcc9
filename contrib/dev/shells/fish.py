"""The completion of fish: a line for each option and argument, each with the command that it is of."""

from collections.abc import Iterator, Sequence

from shells.commands import Command, Option, Value, filled, valued

HEAD = r"""# Completions of ccflared(8) for fish. contrib/dev/draw-completions draws them from the commands: edit that.
# To turn them on, put this file at ~/.config/fish/completions/ccflared.fish.
"""

FUNCTIONS = r"""
# Whether the words before the cursor are this command; with a place, whether that argument comes next (0 is the first,
# 1+ the second or a later one); with an option, whether another value of it comes next.
function __ccflared_at --argument-names command place
    set -l found
    set -l count 0
    set -l option
    for word in (commandline -opc)[2..]
        if test -n "$option"; and not string match -q -- '-*' $word
            contains -- "$found $option" $__ccflared_many; or set option
            continue
        end
        set option
        if contains -- $word $__ccflared_valued
            set option $word
        else if string match -q -- '-*' $word
            continue
        else if contains -- "$found $word" $__ccflared_commands
            set found "$found $word"
        else
            set count (math $count + 1)
        end
    end
    test "$found" = "$command"; or return
    switch "$place"
        case ''
            return 0
        case '-*'
            test "$option" = "$place"
        case '*+'
            test -z "$option" -a $count -ge (string trim -c + -- $place)
        case '*'
            test -z "$option" -a $count -eq $place
    end
end

# The names that ccflared knows of something: accounts, clients, models or requests.
function __ccflared_names
    command -q ccflared; or return
    set -l words (commandline -opc)
    set -l where
    for at in (seq 2 (count $words))
        switch $words[$at]
            case --config --socket
                set -a where $words[$at] $words[(math $at + 1)]
            case '--config=*' '--socket=*'
                set -a where $words[$at]
        end
    end
    command ccflared $where complete $argv 2>/dev/null
end

complete -c ccflared -f
"""


def drawn(every: Sequence[Command]) -> str:
    """Return the whole file."""
    common = [option for option in every[0].options if all(option in command.options for command in every)]
    lines = [HEAD, *_lists(tuple(every)), FUNCTIONS, *(_option(option, "") for option in common)]
    for command in every:
        lines += ["", f"# ccflared {command.path}".rstrip()]
        lines += _arguments(command)
        for option in command.options:
            if option not in common:
                lines.append(_option(option, f" -n {_at(command)}"))
                if option.many and option.value is not None:
                    lines.append(
                        f"complete -c ccflared -n {_at(command, option.names[0])}{_of(option.value)}"
                    )
    return "\n".join(lines) + "\n"


def _lists(every: tuple[Command, ...]) -> Iterator[str]:
    many = [f"{_path(c)} {name}" for c in every for o in c.options if o.many for name in o.names]
    yield "# Every command, a space before each word; the options that a value follows; those that several may follow."
    for name, items in (
        ("commands", [_quoted(_path(command)) for command in every if command.words]),
        ("valued", valued(every)),
        ("many", [_quoted(each) for each in many]),
    ):
        yield from ("set -g __ccflared_" + name + " \\", *filled(items, " ", "    "))


def _path(command: Command) -> str:
    """Return a command as __ccflared_at writes it: each word behind a space."""
    return "".join(f" {word}" for word in command.words)


def _at(command: Command, place: str = "") -> str:
    inner = f"__ccflared_at {_inner(_path(command))}" + (f" {place}" if place else "")
    return f'"{inner}"'


def _inner(path: str) -> str:
    return f"'{path}'"


def _arguments(command: Command) -> Iterator[str]:
    for word, says in command.below:
        yield f"complete -c ccflared -n {_at(command, '0')} -a {word} -d {_quoted(says)}"
    for place, argument in enumerate(command.arguments):
        if of := _of(argument.value):
            yield f"complete -c ccflared -n {_at(command, f'{place}+' if argument.many else str(place))}{of}"


def _option(option: Option, where: str) -> str:
    """Return the line of an option. -r: a value follows, -x: which is no file; fish has no word for one that may."""
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    value = "" if option.value is None else _of(option.value)
    needs = ""
    if option.value is not None and not option.optional:
        needs = " -r" if option.value.files else " -x"
    return f"complete -c ccflared{where} {names}{needs}{value} -d {_quoted(option.says)}"


def _of(value: Value) -> str:
    """Return what completes a value; "" where nobody knows."""
    if value.files:
        return " -F"
    if value.variables:
        return " -a '(set -nx)'"
    if value.names:
        return f" -k -a '(__ccflared_names {' '.join(value.names)})'"
    words = value.begins or value.words
    return f" -k -a {_quoted(' '.join(words))}" if words else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
