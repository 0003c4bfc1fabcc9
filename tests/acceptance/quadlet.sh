#!/usr/bin/env bash
# Run by test_quadlet.py inside a booted Debian 13 with podman: what its units do, as facts, one a line.
set -u
fact() { printf '%s=%s\n' "$1" "${*:2}"; }
answered() { curl -s -o /dev/null -w '%{http_code}' -H "x-api-key: $1" -d '{' http://127.0.0.1:8080/v1/messages; }
edit() { # edit FROM TO: a new file in the place of the old one
  sed "s/$1/$2/" /etc/ccflared/ccflare.toml >/etc/ccflared/new
  chgrp 10001 /etc/ccflared/new
  chmod 0640 /etc/ccflared/new
  mv /etc/ccflared/new /etc/ccflared/ccflare.toml
}

ip link set lo up
systemctl stop ccflared 2>/dev/null
podman load -q -i /image.tar >/dev/null || exit 1
for name in admin laptop anthropic; do printf 'secret-%s' "$name" | podman secret create "ccflared-$name" - >/dev/null; done
cp /quadlet/ccflared.* /etc/containers/systemd/
systemctl daemon-reload
fact verify "$(systemd-analyze verify --man=no /run/systemd/generator/ccflared.service 2>&1)"
systemctl start ccflared
fact start $?
fact ready "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/readyz)"
fact type "$(systemctl show ccflared -P Type)"
fact status "$(systemctl show ccflared -P StatusText)"
fact wrong "$(answered wrong)"
fact right "$(answered secret-laptop)"
podman exec ccflared ccflared status >/dev/null
fact command $?
podman healthcheck run ccflared >/dev/null
fact health $?
edit accounts.work accounts.other
systemctl reload ccflared
fact reload $?
fact accounts "$(podman exec ccflared ccflared account list --json | tr -d ' \n' | grep -o '"name":"[a-z]*"')"
cp -p /etc/ccflared/ccflare.toml /etc/ccflared/good
edit '^\[admin\]' '[admin'
systemctl reload ccflared
fact bad $?
fact serves "$(answered secret-laptop)"
mv /etc/ccflared/good /etc/ccflared/ccflare.toml
systemctl restart ccflared
fact restart $?
fact warnings "$(journalctl -u ccflared -o cat --no-pager | grep ' warning: ' | grep -vc 'authentication failure')"
began=$(date +%s)
systemctl stop ccflared
fact stop $?
fact seconds $(($(date +%s) - began))
fact result "$(systemctl show ccflared -P Result) $(systemctl show ccflared -P ExecMainStatus)"
fact state "$(podman run --rm -v ccflared:/state:ro --entrypoint ls localhost/ccflared:latest /state | tr '\n' ' ')"
