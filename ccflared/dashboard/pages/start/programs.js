// @ts-check
// What each program is told, so that it asks here: as the README has it.

import { h } from "../../core/dom.js";

/** @typedef {import("./pointing.js").Here} Here */
/** @typedef {{ where: import("../../core/dom.js").Child, text: string }} Part */

/** @type {{ name: string, parts: (here: Here) => Part[] }[]} */
export const PROGRAMS = [
  {
    name: "Claude Code",
    parts: ({ url, key }) => [
      {
        where: "In a shell",
        text: `export ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=${key}\nclaude`,
      },
      {
        where: ["Or for good, in ", h("code", null, "~/.claude/settings.json")],
        text: JSON.stringify({ env: { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: key } }, null, 2),
      },
    ],
  },
  {
    name: "Codex",
    parts: ({ url, key, model }) => [
      {
        where: [h("code", null, "~/.codex/config.toml"), "; model is any that your accounts serve"],
        text: [
          `model = "${model}"`,
          'model_provider = "ccflared"',
          "",
          "[model_providers.ccflared]",
          'name = "ccflared"',
          `base_url = "${url}/v1"`,
          'wire_api = "responses"',
          'env_key = "CCFLARED_KEY"',
        ].join("\n"),
      },
      { where: "In a shell", text: `export CCFLARED_KEY=${key}\ncodex` },
    ],
  },
  {
    name: "SDKs",
    parts: ({ url, key, model }) => [
      {
        where: "Python, Anthropic's",
        text: [
          "from anthropic import Anthropic",
          "",
          `claude = Anthropic(base_url="${url}", api_key="${key}")`,
          `claude.messages.create(model="${model}", max_tokens=500, messages=[{"role": "user", "content": "Hello."}])`,
        ].join("\n"),
      },
      {
        where: "Python, OpenAI's",
        text: [
          "from openai import OpenAI",
          "",
          `gpt = OpenAI(base_url="${url}/v1", api_key="${key}")`,
          `gpt.chat.completions.create(model="${model}", messages=[{"role": "user", "content": "Hello."}])`,
        ].join("\n"),
      },
    ],
  },
  {
    name: "curl",
    parts: ({ url, key, model }) => [
      {
        where: "In a shell",
        text: [
          `curl -N ${url}/v1/messages -H 'x-api-key: ${key}' -H 'content-type: application/json' \\`,
          `  -d '{"model":"${model}","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"Hi"}]}'`,
        ].join("\n"),
      },
    ],
  },
];
