"""What a route of the REST API is: its method and path, who may ask, what it takes, and what it answers.

What stands here is obeyed, and told in the OpenAPI document: one place says it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ccflared.api.calls import Call
from ccflared.daemon.answers import Reply, Stream

Schema = Mapping[str, Any]
"""A JSON Schema."""

Right = Literal["open", "read", "state", "credential", "edit", "control"]
"""What a route does, and so who may ask: see check_rights in routes.py.

open
    for anybody, without a credential: to log in.
read
    changes nothing.
state
    changes what the daemon knows: not where the file says [admin] edit = "none".
credential, edit
    changes credentials, or the file: only where it says [admin] edit = "all".
control
    for the control socket alone.
"""


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``{name}`` in the path stands for any segment; the segments are the call's ``parts``."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    answer: Callable[[Call], Awaitable[Reply | Stream]]
    does: str
    """One sentence, for people."""
    right: Right = "read"
    query: Mapping[str, Schema] = field(default_factory=dict)
    """The parameters of the query by name (see query.py): what a schema here says is checked, and told."""
    body: Schema | None = None
    """The JSON body; None: it takes none."""
    gives: Mapping[int, Schema] = field(default_factory=dict)
    """Answers by status; errors in the API's usual shape need not be named."""
