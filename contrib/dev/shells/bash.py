"""The completion of bash, which needs nothing but bash: neither its package of completions nor any of its functions."""

import shlex
from collections.abc import Iterator, Sequence

from shells.commands import Argument, Command, Value, filled, valued

HEAD = r"""# Completions of ccflared(8) for bash 4 and later.
# contrib/dev/draw-completions draws them from the commands: edit that.
# To turn them on, put this file at ~/.local/share/bash-completion/completions/ccflared, or source it in ~/.bashrc.

# Split the line up to the cursor into words, as the shell would, but run and expand nothing of it. Sets words (those
# that are finished), cur (the last one, without its quotes), quote (the one that is still open) and kept (how many
# letters of cur readline leaves as they are, because it begins its own word behind them).
_ccflared_split() {
    local line=${COMP_LINE:0:COMP_POINT} letter next begun='' i
    words=() cur='' quote='' kept=0
    for ((i = 0; i < ${#line}; i++)); do
        letter=${line:i:1} next=${line:i+1:1}
        if [[ $quote == "'" && $letter != "'" ]]; then
            cur+=$letter
        elif [[ $quote == '"' && $letter == \\ && $next == [\$\`\"\\] ]]; then
            cur+=$next
            ((++i))
        elif [[ $quote == '"' && $letter != '"' ]]; then
            cur+=$letter
        elif [[ $quote ]]; then
            quote='' kept=0
        elif [[ $letter == [\'\"] ]]; then
            quote=$letter kept=${#cur} begun=1
        elif [[ $letter == \\ ]]; then
            cur+=$next begun=1
            ((++i))
        elif [[ $letter == [[:space:]] ]]; then
            [[ $begun ]] && words+=("$cur")
            cur='' kept=0 begun=''
        else
            cur+=$letter begun=1
            [[ ${COMP_WORDBREAKS-} == *"$letter"* ]] && kept=${#cur}
        fi
    done
}

# Offer those of some words that begin as cur does, quoted as they have to be where the cursor stands.
_ccflared_offer() {
    local word
    for word; do
        word=$before$word
        [[ $word == "$cur"* ]] || continue
        word=${word:kept}
        case $quote in
            "'") word=${word//\'/\'\\\'\'} ;;
            '"') word=${word//[\\]/\\\\} word=${word//\"/\\\"} word=${word//\$/\\\$} word=${word//\`/\\\`} ;;
            *) printf -v word %q "$word" ;;
        esac
        COMPREPLY+=("$word")
    done
}

# Offer words that go on: no space is put behind them.
_ccflared_begin() {
    compopt -o nospace
    _ccflared_offer "$@"
}

# Offer the names that ccflared knows of something: accounts, clients, models or requests.
_ccflared_names() {
    local name names=()
    while IFS=$'\t' read -r name _; do
        names+=("$name")
    done < <(command ccflared "${where[@]}" complete "$@" 2>/dev/null)
    _ccflared_offer "${names[@]}"
}

# Leave files to readline, which knows best how they are written.
_ccflared_files() {
    compopt -o default
}
"""

MAIN = r"""
_ccflared() {
    local words cur quote kept before='' word command='' option='' where=() arguments=0
    COMPREPLY=()
    _ccflared_split
    for word in "${words[@]:1}"; do
        if [[ $option && $word != -* ]]; then
            [[ $option == --config || $option == --socket ]] && where+=("$option" "$word")
            _ccflared_many "$command $option" || option=''
            continue
        fi
        option=''
        case $word in
            --config=* | --socket=*) where+=("$word") ;;
            -*) _ccflared_takes_value "$word" && option=$word ;;
            *)
                if _ccflared_is_command "$command $word"; then
                    command=${command:+$command }$word
                else
                    ((++arguments))
                fi
                ;;
        esac
    done
    if [[ $cur == --*=* ]]; then
        option=${cur%%=*}
        before=$option=
    elif [[ $cur == -* ]]; then
        _ccflared_options
        return
    fi
    if [[ $option ]]; then
        _ccflared_value
    else
        _ccflared_argument
    fi
    return 0
}

complete -F _ccflared ccflared
"""


def drawn(every: Sequence[Command]) -> str:
    """Return the whole file."""
    return (
        "\n".join([HEAD, *_walk(tuple(every)), *_options(every), *_values(every), *_arguments(every)])
        + "\n"
        + MAIN
    )


def _walk(every: tuple[Command, ...]) -> Iterator[str]:
    yield "_ccflared_takes_value() {"
    yield "    case $1 in"
    yield from _case(valued(every), "return 0")
    yield "    esac"
    yield "    return 1"
    yield "}\n"
    yield "# Whether any number of values may follow an option, given behind its command."
    yield "_ccflared_many() {"
    yield "    case $1 in"
    many = [f"{c.path} {name}" for c in every for o in c.options if o.many for name in o.names]
    yield from _case([shlex.quote(each) for each in many], "return 0")
    yield "    esac"
    yield "    return 1"
    yield "}\n"
    yield "_ccflared_is_command() {"
    yield "    case ${1# } in"
    yield from _case([shlex.quote(command.path) for command in every if command.words], "return 0")
    yield "    esac"
    yield "    return 1"
    yield "}\n"


def _case(patterns: Sequence[str], does: str) -> Iterator[str]:
    """Yield a branch of a case: on a line where there is room for it."""
    whole = f"        {' | '.join(patterns)}) {does} ;;"
    if len(whole) <= 116:
        yield whole
        return
    first, *rest = filled(patterns, " | ", " " * 8)
    lines = [first, *(f"    {line}" for line in rest)]
    yield from lines[:-1]
    yield lines[-1] + ")"
    call, *words = does.split(" ") if does.startswith("_ccflared") else [does]
    first, *rest = filled([call, *words], " ", " " * 12)
    yield from (first, *(f"    {line}" for line in rest))
    yield "            ;;"


def _options(every: Sequence[Command]) -> Iterator[str]:
    yield "_ccflared_options() {"
    yield "    case $command in"
    for command in every:
        names = " ".join(name for option in command.options for name in option.names)
        yield from _case([shlex.quote(command.path)], f"_ccflared_offer {names}")
    yield "    esac"
    yield "}\n"


def _values(every: Sequence[Command]) -> Iterator[str]:
    yield "# Complete the value of an option: the commands that have it differ in little."
    yield "_ccflared_value() {"
    yield '    case "$command $option" in'
    calls: dict[str, list[str]] = {}
    for command in every:
        for option in command.options:
            if option.value is not None and (call := _of(option.value)):
                calls.setdefault(call, []).extend(f"{command.path} {name}" for name in option.names)
    for call, places in calls.items():
        yield from _case(_merged(places, every), call)
    yield "    esac"
    yield "}\n"


def _merged(places: Sequence[str], every: Sequence[Command]) -> list[str]:
    """Return patterns for an option of commands: one for all, where all of them have it."""
    found: dict[str, list[str]] = {}
    for place in places:
        found.setdefault(place.rpartition(" ")[2], []).append(place)
    return [
        each
        for name, own in found.items()
        for each in ([f"*' {name}'"] if len(own) == len(every) else [shlex.quote(place) for place in own])
    ]


def _arguments(every: Sequence[Command]) -> Iterator[str]:
    yield "# Complete an argument by its place, or the word of a command."
    yield "_ccflared_argument() {"
    yield '    case "$command $arguments" in'
    calls: dict[str, list[str]] = {}
    for command in every:
        if command.below:
            calls[f"_ccflared_offer {' '.join(word for word, _ in command.below)}"] = [
                shlex.quote(f"{command.path} 0")
            ]
        for place, argument in enumerate(command.arguments):
            if call := _of(argument.value):
                calls.setdefault(call, []).append(_place(command, place, argument))
    for call, places in calls.items():
        yield from _case(places, call)
    yield "    esac"
    yield "}"


def _place(command: Command, place: int, argument: Argument) -> str:
    return f"'{command.path} '[{place}-9]*" if argument.many else shlex.quote(f"{command.path} {place}")


def _of(value: Value) -> str:
    """Return the call that offers what a value may be; "" where nobody knows."""
    if value.files:
        return "_ccflared_files"
    if value.variables:
        return 'mapfile -t COMPREPLY < <(compgen -v -P "$before" -- "${cur#"$before"}")'
    if value.names:
        return f"_ccflared_names {' '.join(value.names)}"
    if value.begins:
        return f"_ccflared_begin {' '.join(value.begins)}"
    return f"_ccflared_offer {' '.join(map(shlex.quote, value.words))}" if value.words else ""
