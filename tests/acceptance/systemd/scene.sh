# shellcheck shell=bash
# The scene of check.sh and the words that it is written in.

: "${python:?}" "${here:?}"
count=0 failed=0

ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() {
  count=$((count + 1)) failed=$((failed + 1))
  echo "not ok $count - $1"
  printf '%s\n' "$2" | tail -25 | sed 's/^/#   /'
}
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
finish() {
  echo "1..$count"
  [ "$failed" = 0 ]
  exit
}

# check TEXT COMMAND...: the command succeeds.
check() {
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then ok "$text"; else not_ok "$text" "$said"$'\n'"$(recent)"; fi
}
# silent TEXT COMMAND...: and says nothing.
silent() {
  local text=$1 said
  shift
  if said=$("$@" 2>&1) && [ -z "$said" ]; then ok "$text"; else not_ok "$text" "$said"; fi
}
# equals TEXT WANTED COMMAND...: it says just this.
equals() {
  local text=$1 wanted=$2 said
  shift 2
  said=$("$@" 2>&1)
  if [ "$said" = "$wanted" ]; then ok "$text"; else not_ok "$text" "$said"$'\n'"wanted: $wanted"$'\n'"$(recent)"; fi
}
# matches TEXT PATTERN COMMAND...: what it says has this.
matches() {
  local text=$1 wanted=$2 said
  shift 2
  said=$("$@" 2>&1)
  if grep -Eq -- "$wanted" <<<"$said"; then ok "$text"; else not_ok "$text" "$said"$'\n'"wanted: $wanted"$'\n'"$(recent)"; fi
}
fails() { ! "$@"; }
recent() { journalctl -u 'ccflared*' -n 12 --no-pager -o short-precise 2>&1; }

# eventually SECONDS COMMAND...: within so many.
eventually() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { "$@"; return; }
    sleep 0.1
  done
}
# eventually_says SECONDS PATTERN COMMAND...: what it says, once that has the pattern.
eventually_says() {
  local until=$((SECONDS + $1)) pattern=$2 said
  shift 2
  while said=$("$@") && ! grep -Eq -- "$pattern" <<<"$said" && [ $SECONDS -lt $until ]; do sleep 0.1; done
  echo "$said"
}

exposed() {
  matches "exposure of $1: $2" "exposure level for .*: $2 " systemd-analyze security --no-pager "$3"
}

as() { local who=$1; shift; runuser -u "$who" -- env PATH="$PATH" HOME="/home/$who" "$@"; }
pid() { systemctl show "${1:-ccflared}.service" -P MainPID; }
status_text() { systemctl show ccflared.service -P StatusText; }
journal() { journalctl -u "${1:-ccflared}.service" --no-pager -o cat; }
journal_has() { grep -q -- "$1" <(journal); }
journal_of() { [ -n "$(journalctl --no-pager -o cat "$@")" ]; }
limit() { awk -v name="$1" 'index($0, name) == 1 { sub(name, ""); print $1 }' "/proc/$(pid)/limits"; }
verdicts() { ccflared reload --log --json | "$python" -c 'import json, sys; print(len(json.load(sys.stdin)))'; }
rows() {
  "$python" -c 'import sqlite3; print(sqlite3.connect("file:/var/lib/ccflared/ccflared.db?mode=ro", uri=True)
    .execute("SELECT count(*) FROM requests").fetchone()[0])'
}
rows_are_more_than() { [ "$(rows)" -gt "$1" ]; }
list_of_addresses() { systemctl show ccflared.service -P IPAddressAllow | wc -w; }

# ask MODEL [stream] [KEY] [ADDRESS]: what the daemon answers.
ask() {
  "$python" - "$@" <<'PYTHON'
import sys
import httpx

model, stream, key, address = (*sys.argv[1:], *["", "", "", ""][len(sys.argv) - 1 :])
body = {"model": model, "max_tokens": 64, "stream": bool(stream), "messages": [{"role": "user", "content": "Hi"}]}
way = httpx.HTTPTransport(uds=address[5:]) if address.startswith("unix:") else None
place = "localhost" if way else address or "127.0.0.1:8080"
with httpx.Client(trust_env=False, timeout=60, transport=way) as client:
    url = f"http://{place}/v1/messages"
    with client.stream("POST", url, json=body, headers={"x-api-key": key} if key else {}) as answer:
        for text in answer.iter_text():
            print(text, end="", flush=True)
        print()
        sys.exit(answer.status_code != 200)
PYTHON
}
# asked_well [KEY] [ADDRESS]: a small question has an answer.
asked_well() { ask claude-sonnet-4-5 "" "${1:-}" "${2:-}"; }
# answers [ADDRESS]: the first connection is taken, and the daemon says that it is ready.
answers() {
  "$python" -c 'import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{sys.argv[1]}/readyz", timeout=10)' "${1:-127.0.0.1:8080}"
}
started_and_answers() { systemctl start ccflared.service && answers "$@"; }
# systemctl says that the socket can start it again.
halt() { systemctl stop ccflared.service 2>/dev/null; }
stop_all() { systemctl stop ccflared.service ccflared.socket; systemctl reset-failed 'ccflared*' 2>/dev/null; }
start_anew() { write_file; stop_all; systemctl start ccflared.service; }

drop_in() { # drop_in UNIT EXAMPLE
  install -D -m 644 "/check/units/examples/$1.d/$2" "/etc/systemd/system/$1.d/$2"
  systemctl daemon-reload
}
drop_in_lines() { # drop_in_lines UNIT LINE...
  local unit=$1 section=Service
  shift
  [[ $unit = *.service ]] || section=Socket
  mkdir -p "/etc/systemd/system/$unit.d"
  printf '%s\n' "[$section]" "$@" >"/etc/systemd/system/$unit.d/check.conf"
  systemctl daemon-reload
}
no_drop_ins() {
  rm -rf "/etc/systemd/system/$1.d"
  systemctl daemon-reload
}

write_file() {
  install -d /etc/ccflared
  cat >/etc/ccflared/ccflare.toml.new <<'TOML'
[server]
drain = "60s"
# more

[log]
level = "info"

[providers.fake]
base_url = "http://127.0.0.1:9100"
dialect = "anthropic"
auth = "x-api-key"

[accounts.quick]
provider = "fake"
api_key = "quick"

[accounts.slow]
provider = "fake"
api_key = "slow"
pool = false

[accounts.far]
provider = "fake"
base_url = "http://172.16.9.9:9100"
api_key = "quick"
pool = false

[[fallback]]
models = ["claude-opus-4-1"]
try = ["slow"]
then = "fail"

[[fallback]]
models = ["claude-haiku-4-5"]
try = ["far"]
then = "fail"

[routing]
connect_timeout = "2s"
attempts_within = "5s"
TOML
  put_file
}
# The same with an account whose token the issuer gives but once, for one daemon.
write_file_with_plan() {
  write_file
  install -g ccflared-admin -m 640 /run/provider/* /etc/ccflared/
  cat >>/etc/ccflared/ccflare.toml <<'TOML'

[accounts.plan]
provider = "claude-oauth"
base_url = "http://127.0.0.1:9100"
pool = false

[accounts.plan.oauth]
client_id = "the-operators-own"
token_url = "http://127.0.0.1:9101/token"
access_token = { file = "access" }
refresh_token = { file = "refresh" }
expires_at = 2026-01-01T00:00:00Z

[[fallback]]
models = ["claude-3-opus-latest"]
try = ["plan"]
then = "fail"
TOML
}
put_file() {
  chown root:ccflared-admin /etc/ccflared/ccflare.toml.new
  chmod 640 /etc/ccflared/ccflare.toml.new
  mv /etc/ccflared/ccflare.toml.new /etc/ccflared/ccflare.toml
}
edit() { # edit SED-COMMAND
  sed "$1" /etc/ccflared/ccflare.toml >/etc/ccflared/ccflare.toml.new
  put_file
}
secret() { # secret FILE TEXT
  install -m 600 /dev/null "/etc/ccflared/$1"
  printf '%s\n' "$2" >"/etc/ccflared/$1"
}
file_with_credentials() { # file_with_credentials NAME
  write_file
  edit "s/^api_key = \"quick\"/api_key = { credential = \"$1\" }/"
  printf '[clients.laptop]\nkey = { credential = "key_laptop" }\n' >>/etc/ccflared/ccflare.toml
}

users_own() { # what an ordinary user has installed
  install -d -o member -g member /home/member/.local /home/member/.local/share /home/member/.config{,/ccflared}
  ln -sfn /opt/ccflared /home/member/.local/share/ccflared
}

instance() { # instance NAME PORT: starts one
  install -d "/etc/ccflared/$1"
  cp -p /etc/ccflared/ccflare.toml "/etc/ccflared/$1/"
  drop_in_lines "ccflared@$1.socket" "ListenStream=127.0.0.1:$2"
  systemctl start "ccflared@$1.service"
}
# another_answers UNIT PID PORT: another process than this serves.
another_answers() {
  local now
  now=$(pid "$1")
  [ "$now" != "$2" ] && [ "$now" != 0 ] && timeout 5 "$python" -c "
import urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open('http://127.0.0.1:$3/readyz', timeout=3)"
}

# Whether IPAddressDeny= can do anything on this machine.
addresses_bite() {
  ! systemd-run -q --wait -p IPAddressDeny=any "$python" -c '
import socket
socket.create_connection(("172.16.9.9", 9100), timeout=2)'
}

set_the_scene() {
  useradd -m -G ccflared-admin member
  useradd -m stranger
  ip address add 172.16.9.9/32 dev lo
  mkdir /run/provider
  systemd-run -q --unit=provider -p Environment=PYTHONPATH=/check/lib "$python" "$here/provider.py" \
    /run/provider quick slow "from a drop-in" "an encrypted one"
  eventually 10 test -s /run/provider/refresh
  write_file
}
