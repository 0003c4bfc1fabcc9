"""The JSON Schema of the file, for editors: made from the model, so it says what is accepted."""

from typing import Any

from ccflared.config.decode import ROOT
from ccflared.config.secret_kinds import SECRET_SCHEMA
from ccflared.config.value_sets import MODELS_SCHEMA

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of ccflare.toml, with descriptions and defaults."""
    return {
        "$schema": SCHEMA_ID,
        "title": "ccflare.toml",
        "description": "Configuration of ccflared, a proxy daemon for the Claude API.",
        **ROOT.schema(),
        "$defs": {"secret": SECRET_SCHEMA, "models": MODELS_SCHEMA},
    }
