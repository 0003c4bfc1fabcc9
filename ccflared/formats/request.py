"""A request in no dialect: what is asked for, however the client spelled it. Readers make it, writers spell it.

Each dialect has one reader and one writer at most, so that dialects add up and do not multiply. What a dialect can say
and this cannot is lost on purpose, or refused by the reader with a ClientError that names the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Lifetime = Literal["5m", "1h"]
"""How long a prompt cache that ends at a part shall last."""

Role = Literal["system", "user", "assistant"]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text, in any turn."""

    text: str
    cache: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture. ``data`` is base64 as it came and has a ``media_type``; else ``url`` says where it is."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    detail: str | None = None
    """How closely to look, in OpenAI's words; None: not said."""
    cache: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document: plain ``text``, or ``data`` (base64) with a ``media_type``, or a ``url``; exactly one of them."""

    text: str | None = None
    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    title: str | None = None
    context: str | None = None
    cache: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thought in an earlier turn. ``signature``: by whoever made it; "" where nobody signed."""

    text: str = ""
    signature: str = ""
    redacted: str | None = None
    """The sealed content of a ``redacted_thinking`` block; ``text`` is empty then."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the assistant. ``arguments`` is JSON text of an object, or free text for a ``custom`` tool."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    cache: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a tool call."""

    call_id: str
    parts: tuple[Text | Image | Document, ...]
    error: bool = False
    cache: Lifetime | None = None


Part = Text | Image | Document | Thinking | Call | Result


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. ``system`` between other turns is what newer clients tell the model in the middle of things.

    Calls and thinking stand in assistant turns alone, results in user turns alone. Order is the client's.
    """

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call. ``parameters`` is a JSON Schema, unchanged.

    A ``custom`` tool takes free text; where a dialect has no such thing it is a tool with one text, ``input``.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None
    custom: bool = False
    grammar: str | None = None
    """Of a custom tool: the definition that its text must follow."""
    namespace: tuple[str, str] | None = None
    """The namespace it was listed in, and its name there; ``name`` joins both."""
    cache: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether tools are called: as the model likes, at least one, none, or the one that is named."""

    mode: Literal["auto", "any", "none", "tool"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """The form that the answer's text must have: any JSON object, or one that fits a schema."""

    schema: Mapping[str, Any] | None = None
    name: str | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that is asked for. None and empty tuples: not said."""

    model: str
    turns: tuple[Turn, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel: bool | None = None
    """Whether several tools may be called at once."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    thinks: bool | None = None
    """False: thinking is switched off; True: it is on."""
    budget: int | None = None
    """Tokens that may be thought at most."""
    effort: Effort | None = None
    format: Format | None = None
    user: str | None = None
    """Who it is for, opaque: metadata.user_id, user or safety_identifier."""
    cache_key: str | None = None
    """The client's own key of its prompt cache."""
    usage_wanted: bool = True
    """Whether a stream ends by telling its usage. Of the dialects only Chat Completions leaves it out unless asked."""
    echo: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the answer repeats, as Responses have them."""
    left_out: tuple[str, ...] = ()
    """What was asked for and no other dialect can say, in words fit for a log; a writer passes it on in ``dropped``."""


@dataclass(frozen=True, slots=True)
class Written:
    """A request in an upstream's dialect."""

    body: bytes
    names: Mapping[str, str] = field(default_factory=dict)
    """The client's names of tools that had to be given another one, by that one."""
    dropped: tuple[str, ...] = ()
    """What was asked for and is not sent, in words fit for a log: ``top_k``, ``tool web_search_20250305``."""
