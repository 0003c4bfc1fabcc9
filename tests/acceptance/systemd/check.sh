#!/usr/bin/env bash
# What ccflared's units promise, asked of a booted systemd: run as root inside, as contrib/dev/boot-systemd does. Prints
# a line for each point, as TAP has it, and ends with 1 where one does not hold. Words choose some of the parts, by name.
#
#   contrib/dev/boot-systemd --bpf --bind "$PWD/tests/acceptance/systemd:/check/systemd" \
#     --bind "$PWD/contrib/systemd:/check/units" --bind "$PWD/tests/issuer.py:/check/lib/issuer.py" -- bash /check/systemd/check.sh [PART ...]
# shellcheck disable=SC2329 # the parts are called by name
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=/opt/ccflared/bin/python
# shellcheck source=tests/acceptance/systemd/scene.sh
. "$here/scene.sh"

part_units() {
  for unit in ccflared.service ccflared.socket ccflared@work.service ccflared@work.socket; do
    silent "systemd-analyze verify has nothing to say about $unit" systemd-analyze verify --man=no "$unit"
  done
  users_own
  for unit in /usr/lib/systemd/user/ccflared.{service,socket}; do
    silent "nor about the user's ${unit##*/}" as member env XDG_RUNTIME_DIR=/home/member \
      systemd-analyze --user verify --man=no "$unit"
  done
  exposed "the service" 1.0 ccflared.service
  exposed "an instance" 1.0 ccflared@work.service
  drop_in ccflared.service root.conf
  exposed "the service with a root of its own" 0.9 ccflared.service
  no_drop_ins ccflared.service
  check "the group of administrators is there" getent group ccflared-admin
}

part_install() { # the lines of ccflared-systemd(7), but for pip's
  stop_all
  rm -rf /usr/lib/systemd/system/ccflared* /usr/lib/sysusers.d/ccflared.conf /etc/ccflared
  groupdel ccflared-admin
  install -m 644 -t /etc/systemd/system /check/units/ccflared.s{ervice,ocket}
  systemctl daemon-reload
  check "without the group the sockets are not opened" fails systemctl start ccflared.socket
  matches "and the journal says so" "group ccflared-admin" journalctl --no-pager -u ccflared.socket
  stop_all
  (
    set -e
    ln -sf /opt/ccflared/bin/ccflared /usr/local/bin/
    cd /check/units
    install -m 644 -t /etc/systemd/system ccflared.service ccflared.socket
    install -D -m 644 ccflared.sysusers /etc/sysusers.d/ccflared.conf
    systemd-sysusers
    ccflared init
    systemctl daemon-reload
    systemctl enable --now ccflared
  ) >/run/install.txt 2>&1
  check "installed as the manual has it, it runs" answers
  matches "with the file of init" "no account yet" ccflared status
  equals "which is root's and the group's" "root:ccflared-admin 640" stat -c "%U:%G %a" /etc/ccflared/ccflare.toml
  install -m 644 -t /etc/systemd/system /check/units/ccflared@.service /check/units/ccflared@.socket
  usermod -aG ccflared-admin member
  write_file
  systemctl daemon-reload
}

part_start() {
  stop_all
  rm -f /etc/ccflared/ccflare.toml
  check "a start without a file fails" fails systemctl start ccflared.service
  check "and the journal says how to make one" eventually 5 journal_has "ccflared init"
  write_file
  check "a start that failed is tried again, and takes up the file" eventually 10 answers
  stop_all
  local n
  for n in 1 2 3; do
    check "started ($n), it answers at once" started_and_answers
    halt
  done
  systemctl stop ccflared.socket
  systemctl mask -q --runtime ccflared.socket
  for n in 1 2 3; do
    check "without the socket unit ($n), too" started_and_answers
    check "and root asks it" ccflared status
    check "and reloads it" systemctl reload ccflared.service
    halt
  done
  edit 's/# more/[control]\nmode = "0660"\n# more/'
  systemctl start ccflared.service
  check "and a member asks it, where the file lets the group" as member ccflared status
  write_file
  halt
  systemctl unmask -q --runtime ccflared.socket
  systemctl start ccflared.service
  matches "systemctl status says what it serves" "listening on 127.0.0.1:8080" status_text
  equals "the daemon is nobody's user" ccflared-admin stat -c %G "/proc/$(pid)"
  equals "and writes no core" 0 limit "Max core file size"
  # The limit of a container around all this may be below the 65536 of the unit.
  check "and may have many connections" test "$(limit "Max open files")" -ge 4096
  ask claude-sonnet-4-5 >/dev/null
  check "a request is answered" asked_well
}

part_reload() {
  start_anew
  edit 's/# more/[accounts.second]\nprovider = "anthropic"\nbase_url = "http:\/\/127.0.0.1:9100"\napi_key = "quick"\n# more/'
  check "a good file is reloaded" systemctl reload ccflared.service
  matches "and has been, when systemctl returns" second ccflared account list
  local before
  before=$(pid)
  edit 's/^drain.*/drian = "9s"/'
  check "a bad file is not: systemctl reload fails" fails systemctl reload ccflared.service
  matches "the status says where" "/etc/ccflared/ccflare.toml:[0-9]+" status_text
  matches "the file before stays in force" second ccflared account list
  equals "in the same process" "$before" pid
  check "which answers" asked_well
  write_file
  check "mended, it is taken" systemctl reload ccflared.service
  check "and the status no longer complains" fails grep -q refused <(status_text)
}

part_activation() {
  stop_all
  systemctl start ccflared.socket
  equals "with the socket alone no daemon runs" inactive systemctl is-active ccflared.service
  check "the first request starts it, and is answered" asked_well
  equals "and it runs" active systemctl is-active ccflared.service
  stop_all
  systemctl start ccflared.socket
  check "the first command starts it, too" ccflared status
  check "its control socket is that of the unit" test -S /run/ccflared/ccflared.sock
  halt
  check "which outlives a stop" test -S /run/ccflared/ccflared.sock
  stop_all
  check "and goes with the socket unit" fails test -e /run/ccflared/ccflared.sock
}

part_restart() {
  start_anew
  local directory load result
  directory=$(mktemp -d)
  "$python" "$here/load.py" 127.0.0.1:8080 50 "$directory" >"$directory/result" 2>"$directory/errors" &
  load=$!
  check "fifty streams run" eventually 30 test -e "$directory/running"
  local before
  before=$(pid)
  sleep 1
  check "a restart under them succeeds" systemctl restart ccflared.service
  check "with another process" test "$before" != "$(pid)"
  sleep 1
  touch "$directory/enough"
  wait "$load"
  result=$(cat "$directory/result" "$directory/errors")
  matches "every stream came to its end" '"streams": \{"whole": 50\}' echo "$result"
  matches "every newcomer was served, none refused or reset" '"newcomers": \{"served": [0-9]{2,}\}' echo "$result"
  echo "# $result"
  rm -r "$directory"
}

part_drain() {
  drop_in_lines ccflared.service TimeoutStopSec=3
  start_anew
  local answer=/run/drain.txt stopped
  ask claude-opus-4-1 stream >"$answer" &
  local client=$!
  check "a stream runs" eventually 10 grep -q content_block_delta "$answer"
  local begun=$SECONDS
  halt &
  stopped=$!
  matches "the status says what a stop waits for" "1 answer .* still runs" eventually_says 3 "still runs" status_text
  wait "$stopped"
  check "a stop waits longer than TimeoutStopSec" test $((SECONDS - begun)) -gt 5
  wait "$client"
  check "until the stream has come to its end" grep -q "event: message_stop" "$answer"
  equals "and is a clean one" success systemctl show ccflared.service -P Result
  no_drop_ins ccflared.service
}

part_stop() {
  start_anew
  ask claude-sonnet-4-5 >/dev/null
  local begun
  begun=$(date +%s%N)
  systemctl stop ccflared.service ccflared.socket
  check "an idle daemon stops within two seconds" test $((($(date +%s%N) - begun) / 1000000)) -lt 2000
  equals "cleanly" success systemctl show ccflared.service -P Result
  equals "and no unit has failed" "" systemctl --failed --no-legend --plain list-units 'ccflared*'
  check "nothing of it is left in /run/ccflared" fails test -e /run/ccflared/daemon
}

part_watchdog() {
  mkdir -p /run/stuck
  cp "$here/stuck.py" /run/stuck/sitecustomize.py
  drop_in_lines ccflared@.service Environment=PYTHONPATH=/run/stuck
  start_anew
  instance loop 8082
  instance store 8083
  local units=(ccflared ccflared@loop ccflared@store)
  local ways=("stopped (SIGSTOP)" "whose loop stands still" "whose database does not answer")
  local ports=(8080 8082 8083) signals=(STOP USR1 USR2) before=() begun=$SECONDS n
  for n in 0 1 2; do
    before[n]=$(pid "${units[n]}")
    kill "-${signals[n]}" "${before[n]}"
  done
  for n in 0 1 2; do
    check "a daemon ${ways[n]} is replaced" eventually 60 another_answers "${units[n]}" "${before[n]}" "${ports[n]}"
    check "within 45 seconds" test $((SECONDS - begun)) -le 45
    echo "# after $((SECONDS - begun)) s"
  done
  matches "where the loop stood is in the journal" stand_still journal ccflared@loop
  matches "that the database does not answer, too" "writer has neither answered nor moved" journal ccflared@store
  systemctl stop 'ccflared@*'
  no_drop_ins ccflared@.service
  no_drop_ins ccflared@loop.socket
  no_drop_ins ccflared@store.socket
}

part_credentials() {
  stop_all
  install -d -m 700 /etc/ccflared/credentials
  check "a directory of credentials that is empty does no harm" started_and_answers
  stop_all
  secret credentials/quick quick
  secret credentials/laptop "the laptop's key"
  secret single.key "from a drop-in"
  file_with_credentials key_quick
  systemctl start ccflared.service
  check "a file of /etc/ccflared/credentials is a credential, no drop-in needed" asked_well "the laptop's key"
  check "the key of a client, too: without it nobody is served" fails asked_well
  check "root's file is not readable to the group" fails as member cat /etc/ccflared/credentials/quick
  local runtime
  runtime=$(tr '\0' '\n' <"/proc/$(pid)/environ" | sed -n 's/^CREDENTIALS_DIRECTORY=//p')
  check "nor what the daemon has of it" fails as member cat "$runtime/key_quick"
  check "nor to others" fails as stranger ls "$runtime"
  check "no environment has it" fails grep -qz "the laptop's key" "/proc/$(pid)/environ"
  mv /etc/ccflared/single.key /etc/ccflared/openrouter.key
  drop_in ccflared.service credentials.conf
  file_with_credentials openrouter
  systemctl restart ccflared.service
  check "a single one by the drop-in" asked_well "the laptop's key"
  mkdir -p /var/lib/systemd
  if systemd-creds setup >/dev/null 2>&1 &&
    printf 'an encrypted one' | systemd-creds encrypt --with-key=host --name=openrouter - /etc/ccflared/openrouter.cred 2>/run/creds; then
    sed -i 's/^LoadCredential=/#&/; s/^#\(LoadCredentialEncrypted=\)/\1/' \
      /etc/systemd/system/ccflared.service.d/credentials.conf
    systemctl daemon-reload
    systemctl restart ccflared.service
    check "an encrypted one" asked_well "the laptop's key"
  else
    skip "an encrypted one" "systemd-creds does not encrypt here: $(tail -1 /run/creds)"
  fi
  no_drop_ins ccflared.service
  rm -r /etc/ccflared/credentials /etc/ccflared/openrouter.*
}

part_state() {
  start_anew
  write_file_with_plan
  systemctl restart ccflared.service
  ask claude-sonnet-4-5 >/dev/null
  check "a request is in the history" eventually 5 rows_are_more_than 0
  check "a token is renewed" ask claude-3-opus-latest
  local before
  before=$(rows)
  systemctl restart ccflared.service
  check "rows outlive a restart" rows_are_more_than $((before - 1))
  check "and so does the token: that of the file was good for once" ask claude-3-opus-latest
  stop_all
  systemctl start ccflared.service
  check "and both a stop of everything, under whatever user" rows_are_more_than $((before - 1))
  check "as before" ask claude-3-opus-latest
  equals "they are in /var/lib/ccflared, for root and the daemon" 700 stat -L -c %a /var/lib/ccflared
  check "where others do not enter" fails as stranger ls /var/lib/ccflared/
  check "nor does the group" fails as member ls /var/lib/ccflared/
  check "though there is something" test -f /var/lib/ccflared/tokens.db
}

part_journal() {
  start_anew
  edit 's/^level.*/level = "debug"/'
  systemctl reload ccflared.service
  ask claude-sonnet-4-5 >/dev/null
  local entry
  check "the journal can be asked for an account" eventually 5 journal_of CCFLARED_ACCOUNT=quick
  entry=$(journalctl -o json --no-pager CCFLARED_ACCOUNT=quick CCFLARED_EVENT=try | tail -1)
  for field in MESSAGE PRIORITY SYSLOG_IDENTIFIER CCFLARED_LOGGER CCFLARED_EVENT CCFLARED_REQUEST CCFLARED_ACCOUNT; do
    matches "an entry has $field" "\"$field\" ?:" echo "$entry"
  done
  matches "and is the unit's" '"_SYSTEMD_UNIT" ?: ?"ccflared.service"' echo "$entry"
  matches "a start is told" "ready: process" journalctl --no-pager -o cat CCFLARED_EVENT=start
  check "no key is in the journal" fails grep -q 'quick-secret' <(journal)
}

part_people() {
  start_anew
  check "a member of ccflared-admin, an ordinary user, asks" as member ccflared status
  check "and reloads" as member ccflared reload
  matches "others are told which group may" "usermod -aG ccflared-admin stranger" as stranger ccflared status
  check "and are refused" fails as stranger ccflared status
  equals "the socket is the group's" "root:ccflared-admin 660" stat -c "%U:%G %a" /run/ccflared/ccflared.sock
}

part_instances() {
  start_anew
  check "an instance starts" instance work 8081
  check "beside the other" asked_well
  check "and answers on its address" asked_well "" 127.0.0.1:8081
  matches "it has a control socket of its own" "/etc/ccflared/work/ccflare.toml" \
    as member ccflared status --json --socket /run/ccflared/work/ccflared.sock
  check "and is reloaded" systemctl reload ccflared@work.service
  check "and a state of its own" test -f /var/lib/ccflared-work/ccflared.db
  systemctl restart ccflared@work.service
  check "restarted, it answers" asked_well "" 127.0.0.1:8081
  systemctl stop ccflared@work.service ccflared@work.socket
  equals "and no unit has failed" "" systemctl --failed --no-legend --plain list-units 'ccflared*'
  check "the other answers on" asked_well
  no_drop_ins ccflared@work.socket
}

part_examples() {
  stop_all
  drop_in ccflared.socket address.conf
  check "requests at another address, by a drop-in of the socket" started_and_answers 127.0.0.1:8081
  check "and at a second one" answers "[::1]:8081"
  check "and commands as before" as member ccflared status
  stop_all
  no_drop_ins ccflared.socket

  secret laptop.key "the laptop's key"
  edit 's/# more/[clients.laptop]\nkey = { credential = "laptop" }\n# more/'
  cp /check/units/examples/ccflared-proxy.socket /etc/systemd/system/
  drop_in_lines ccflared.service LoadCredential=laptop:/etc/ccflared/laptop.key
  systemctl start ccflared-proxy.socket ccflared.service
  check "requests come in by a socket unit more, in the file system" \
    ask claude-sonnet-4-5 "" "the laptop's key" unix:/run/ccflared/requests.sock
  equals "which the proxy's group alone may open" "root:www-data 660" stat -c '%U:%G %a' /run/ccflared/requests.sock
  check "beside the others" asked_well "the laptop's key"
  check "and commands as before" as member ccflared status
  systemctl stop ccflared-proxy.socket
  stop_all
  rm /etc/systemd/system/ccflared-proxy.socket
  no_drop_ins ccflared.service
  write_file

  install -d -m 755 /var/lib/ccflared-root
  drop_in ccflared.service root.conf
  check "with a root of its own, it starts" started_and_answers
  check "and serves" asked_well
  check "and is reloaded" systemctl reload ccflared.service
  check "and writes its journal" eventually 5 journal_of "_PID=$(pid)" CCFLARED_EVENT=start
  check "and sees nothing of /home" fails test -e "/proc/$(pid)/root/home"
  no_drop_ins ccflared.service

  if [ "$(systemctl --version | awk 'NR == 1 { print $2 }')" -ge 253 ]; then
    drop_in ccflared.service reload.conf
    start_anew
    local before
    before=$(verdicts)
    check "Type=notify-reload: it is reloaded" systemctl reload ccflared.service
    equals "once" $((before + 1)) verdicts
    edit 's/^drain.*/drian = "9s"/'
    check "with a bad file, too" systemctl reload ccflared.service
    matches "and the status says where it is bad" "/etc/ccflared/ccflare.toml:[0-9]+" status_text
    write_file
    no_drop_ins ccflared.service
  else
    skip "Type=notify-reload" "systemd is older than 253"
  fi

  stop_all
  drop_in ccflared.service addresses.conf
  systemctl start ccflared.service
  check "with a list of addresses, it serves" asked_well
  equals "which is the only one" 4 list_of_addresses
  if addresses_bite; then
    check "and no other is asked" fails ask claude-haiku-4-5
    no_drop_ins ccflared.service
    systemctl restart ccflared.service
    check "as every one is without it" ask claude-haiku-4-5
  else
    skip "and no other is asked" "no BPF programs here"
  fi
  no_drop_ins ccflared.service

  drop_in_lines ccflared.service LoadCredential=missing:/etc/ccflared/missing
  check "a credential that is not there fails the start" fails systemctl restart ccflared.service
  matches "and the status says so" 243/CREDENTIALS systemctl status --no-pager -n 0 ccflared.service
  no_drop_ins ccflared.service
}

part_user() {
  stop_all
  local user runtime
  runtime=/run/user/$(id -u member)
  user=(as member env XDG_RUNTIME_DIR="$runtime")
  install -d -o member -g member -m 700 "$runtime"
  users_own
  write_file
  install -o member -g member -m 600 -t /home/member/.config/ccflared /etc/ccflared/ccflare.toml
  systemd-run -q --unit=manager-of-member -p Type=notify -p User=member -p Delegate=yes -p PAMName= \
    -p Environment="XDG_RUNTIME_DIR=$runtime" /usr/lib/systemd/systemd --user
  check "the user's own starts" "${user[@]}" systemctl --user start ccflared.service
  check "and answers" asked_well
  check "and its owner asks it" "${user[@]}" ccflared status
  check "and reloads it" "${user[@]}" systemctl --user reload ccflared.service
  check "and restarts it" "${user[@]}" systemctl --user restart ccflared.service
  check "and is answered" asked_well
  matches "systemctl --user status says what it serves" "listening on" \
    "${user[@]}" systemctl --user show ccflared.service -P StatusText
  check "and stops it" "${user[@]}" systemctl --user stop ccflared.service ccflared.socket
  equals "and no unit has failed" "" "${user[@]}" systemctl --user --failed --no-legend --plain list-units
  systemctl stop manager-of-member.service
}

parts=("$@")
[ $# -gt 0 ] || parts=(units install start reload activation restart drain stop people state journal credentials
  instances examples user watchdog)
set_the_scene
for part in "${parts[@]}"; do
  echo "# $part, at $SECONDS s"
  "part_$part" 2>/run/stderr
  sed 's/^/# /' /run/stderr
done
finish
