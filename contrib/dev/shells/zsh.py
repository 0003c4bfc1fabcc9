"""The completion of zsh, by its own _arguments: descriptions, options that exclude each other, values of their kind."""

from collections.abc import Iterator, Sequence

from shells.commands import Argument, Command, Option, Value, filled

HEAD = r"""#compdef ccflared
# Completions of ccflared(8) for zsh. contrib/dev/draw-completions draws them from the commands: edit that.
# To turn them on, put this file into a directory of $fpath, before compinit runs.

# Offer the names that ccflared knows of something: accounts, clients, models or requests.
_ccflared_names() {
  local line name hint expl
  local -a names hints
  for line in ${(f)"$(command ccflared $where complete $@ 2>/dev/null)"}; do
    name=${line%%$'\t'*} hint=${line#*$'\t'}
    names+=("$name")
    hints+=("$name${hint:+  -- $hint}")
  done
  _wanted -V $1 expl ${(j: or :)@%s} compadd -l -d hints -a names
}

# Offer words that go on: no space is put behind them.
_ccflared_begin() {
  local expl
  local -a begins=("$@")
  _wanted words expl word compadd -S '' -a begins
}

# Offer the words of the command.
_ccflared_below() {
  _describe -t commands command below
}

_ccflared() {
  local curcontext=$curcontext command='' word
  local -a where=() below=() common
  integer at begin=1

  for ((at = 2; at < CURRENT; at++)); do
    case $words[at] in
      (--config|--socket) where+=($words[at] "${(Q)words[at + 1]}") ;;
      (--config=*|--socket=*) where+=("${(Q)words[at]}") ;;
    esac
  done

  # Find the command, past options that come before its words, and let the line begin with it.
  for ((at = 2; at < CURRENT; at++)); do
    word=${(Q)words[at]}
    case $word in
      (--config|--socket) ((at++)) ;;
      (-*) ;;
      (*)
        _ccflared_is_command "${command:+$command }$word" || break
        command+=${command:+ }$word
        begin=at
        ;;
    esac
  done
  words=("${(@)words[begin,-1]}")
  ((CURRENT -= begin - 1))
  curcontext=${curcontext%:*:*}:ccflared${command:+-${command// /-}}:
"""
FOOT = r"""
if [[ $funcstack[1] == _ccflared ]]; then
  _ccflared "$@"
else
  compdef _ccflared ccflared
fi
"""


def drawn(every: Sequence[Command]) -> str:
    """Return the whole file."""
    common = [option for option in every[0].options if all(option in command.options for command in every)]
    lines = [
        HEAD,
        "  common=(",
        *(f"    {_option(option)}" for option in common),
        "  )",
        "  case $command in",
    ]
    for command in every:
        lines += _branch(command, [option for option in command.options if option not in common])
    return "\n".join([*lines, "  esac", "}", "", *_is_command(every)]) + FOOT


def _is_command(every: Sequence[Command]) -> Iterator[str]:
    yield "_ccflared_is_command() {"
    yield "  case $1 in"
    first, *rest = filled([_quoted(command.path) for command in every if command.words], " | ", "    ")
    *lines, last = [first.replace("    ", "    (", 1), *(f"  {line}" for line in rest)]
    yield from (*lines, f"{last}) return 0 ;;")
    yield "  esac"
    yield "  return 1"
    yield "}"


def _branch(command: Command, options: Sequence[Option]) -> Iterator[str]:
    yield f"    ({_quoted(command.path)})"
    if command.below:
        yield "      below=("
        yield from (f"        {_quoted(word + ':' + _colons(says))}" for word, says in command.below)
        yield "      )"
    specs = [_option(option) for option in options]
    specs += [_argument(place, argument) for place, argument in enumerate(command.arguments, 1)]
    specs += ["'1:command:_ccflared_below'"] if command.below else []
    if specs:
        yield "      _arguments -s $common \\"
        yield " \\\n".join(f"        {spec}" for spec in specs)
    else:
        yield "      _arguments -s $common"
    yield "      ;;"


def _option(option: Option) -> str:
    """Return an option as _arguments takes it: '(others)'{-n+,--number=}'[description]:value:action'."""
    alone = option.again or (len(option.names) == 1 and not option.not_with)
    apart = [*(() if alone else option.names), *option.not_with]
    if "-h" in option.names or "-V" in option.names:
        apart = ["-", "*"]
    apart_from = f"({' '.join(apart)})" if apart else "*" if option.again else ""
    names = [_marked(name, option) for name in option.names]
    tail = f"[{_brackets(option.says)}]"
    if option.value is not None:
        many = "*-*" if option.many else ":" if option.optional else ""
        tail += f":{many}{':' if option.many else ''}{_colons(option.metavar)}:{_of(option.value)}"
    if len(names) > 1:
        return f"{_quoted(apart_from)}{{{','.join(names)}}}{_quoted(tail)}"
    return _quoted(apart_from + names[0] + tail)


def _marked(name: str, option: Option) -> str:
    """Return the name of an option with the mark that says how its value follows."""
    if option.value is None or option.many:
        return name
    return name + ("=" if name.startswith("--") else "+")


def _argument(place: int, argument: Argument) -> str:
    return _quoted(f"{'*' if argument.many else place}:{_colons(argument.says)}:{_of(argument.value)}")


def _of(value: Value) -> str:
    """Return the action that completes a value. The space before a function keeps _arguments from adding words."""
    if value.files:
        return "_files"
    if value.variables:
        return '_parameters -g "*export*"'
    if value.names:
        return f" _ccflared_names {' '.join(value.names)}"
    if value.begins:
        return f" _ccflared_begin {' '.join(value.begins)}"
    return f"({' '.join(value.words)})" if value.words else " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _colons(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _brackets(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
