#!/bin/bash
# What operator and kubelet see of Ray: `ray start [--head] --block` listens where a node of Ray
# does, `ray health-check --address HOST:PORT` asks whether a head is there.

readonly agent_port=52365 dashboard_port=8265 head_port=6379

serve() {
    busybox httpd -f -p "$1" -h /srv/ray &
}

start() {
    echo "ray: a stand-in of the lab: it listens where a node of Ray does, and computes nothing"
    local head=false word
    for word in "$@"; do
        [[ $word == --head ]] && head=true
    done
    serve "$agent_port"
    if $head; then
        serve "$dashboard_port"
        serve "$head_port"
    fi
    trap 'kill $(jobs -p); exit 0' TERM INT
    wait -n  # a node whose process ends is no node any more
    exit 1
}

health_check() {
    local address=${*: -1}
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
}

case $1 in
    start) start "${@:2}" ;;
    health-check) health_check "${@:2}" ;;
    *) echo "ray: this stand-in knows start and health-check, not '$1'" >&2; exit 2 ;;
esac
