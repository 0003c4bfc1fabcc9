"""Where a secret comes from: the value of every key that takes one."""

from dataclasses import dataclass
from typing import Literal

from ccflared.secret import Secret

SecretKind = Literal["literal", "env", "file", "credential", "stored"]


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret as the file gives it.

    ``literal``: ``value`` is the Secret itself. Else ``value`` is a str: the variable's name, the absolute
    path, the name below ``$CREDENTIALS_DIRECTORY``, or the name below ``secrets/`` in the state directory.
    """

    kind: SecretKind
    value: Secret | str

    def source(self) -> str:
        """Return where it comes from in words: ``the file /etc/ccflared/zai.key``. Never the secret."""
        match self.kind:
            case "literal":
                return "the text in the file"
            case "env":
                return f"the environment variable {self.value}"
            case "file":
                return f"the file {self.value}"
            case "credential":
                return f"the credential {self.value}"
            case "stored":
                return f"the stored secret {self.value}"
