"""Runs the real ``codex exec`` as a person would, but with a home of its own and nowhere to go but to one base URL.

What Codex 0.169 offers a model that it knows (gpt-5.5; tests/formats/data/codex_request.json has it whole):

* ``exec_command`` (function; ``cmd`` is required, ``workdir`` may be), ``write_stdin``, ``view_image``,
  ``request_user_input``, ``get_goal``, ``create_goal``, ``update_goal``; all with ``"strict": false``.
* ``apply_patch``: a **custom** tool with a Lark grammar. It edits files only by an item
  ``{"type": "custom_tool_call", "call_id", "name": "apply_patch", "input": "*** Begin Patch\\n…*** End Patch\\n"}``,
  whose input is the patch itself. Of a ``function_call`` of that name it says "invoked with incompatible payload",
  gives the model the output "aborted", and edits nothing.
* ``tool_search``: a tool without a name, ``{"type": "tool_search", "execution": "client", "parameters"}``. It is called
  by an item ``tool_search_call`` (``call_id``, ``execution``, ``arguments`` as an *object*); the answer to it is a
  ``tool_search_output`` with ``tools``, among them namespaces.
* ``web_search``: the server's own.

A model that it does not know (claude-sonnet-5; codex_request_of_another_model.json) gets neither ``apply_patch`` (a
custom call of it: "unsupported custom tool call") nor ``tool_search``, but a ``namespace`` whose tools stand inside it.
A call of one of those names the namespace beside the name: ``{"type": "function_call", "name": "close_agent",
"namespace": "multi_agent_v1"}``; without it, or with both in the name, the call is "unsupported". Such a model edits by
``exec_command`` with ``apply_patch <<'EOF'``, which Codex runs itself, or with any other command.

Results come back as ``function_call_output`` and ``custom_tool_call_output`` with a string ``output``, those of calls
made side by side one after the other behind all of the calls. Only ``response.output_item.done`` and
``response.completed`` must come; deltas are for the eye.
"""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import trio

from acceptance.clients import Installed
from acceptance.live import Printed, environment

LONGEST_SECONDS = 60.0
KEY_VARIABLE = "KEY_OF_THE_TEST"
MODEL = "gpt-5.5"

Way = Literal["provider", "built in"]
"""How Codex is told where the API is: by a provider of its own in the configuration, or by another place for OpenAI's.

The first speaks HTTP at once; the second tries a WebSocket first.
"""

PROVIDER = """
model_provider = "here"

[model_providers.here]
name = "Here"
base_url = "{url}/v1"
env_key = "{variable}"
wire_api = "responses"
"""
BUILT_IN = """
openai_base_url = "{url}/v1"
"""


@dataclass(frozen=True, slots=True)
class Coder:
    """Somebody at a terminal: an installed ``codex``, a home, a directory to work in, and where the API is."""

    installed: Installed
    home: Path
    url: str
    key: str = "sk-of-the-client"
    way: Way = "provider"
    model: str = MODEL

    @property
    def work(self) -> Path:
        """The directory that ``codex`` is started in."""
        return self.home / "work"

    async def says(self, prompt: str, *options: str) -> Printed:
        """Give one task to ``codex exec``, which may edit files and run commands; give up after a minute."""
        command = [
            *(str(self.installed.program), "exec", "--skip-git-repo-check", "--color", "never"),
            *("--dangerously-bypass-approvals-and-sandbox", "--cd", str(self.work), *options, prompt),
        ]
        environ = self.environment()
        began = time.monotonic()
        with trio.move_on_after(LONGEST_SECONDS):
            done = await trio.run_process(
                command,
                cwd=self.work,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            return Printed(
                done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began
            )
        raise AssertionError(f"codex did not finish {prompt!r} within {LONGEST_SECONDS:.0f} s")

    def environment(self) -> dict[str, str]:
        """Return the variables it is started with; make its directory and its configuration."""
        self.work.mkdir(exist_ok=True)
        directory = self.home / "codex"
        directory.mkdir(exist_ok=True)
        form = PROVIDER if self.way == "provider" else BUILT_IN
        head = f'model = "{self.model}"\napproval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
        more = form.format(url=self.url, variable=KEY_VARIABLE)
        (directory / "config.toml").write_text(head + more)
        variable = KEY_VARIABLE if self.way == "provider" else "CODEX_API_KEY"
        return environment(self.home, CODEX_HOME=str(directory), **{variable: self.key})
