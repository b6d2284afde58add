#!/bin/sh
# Stands for kind, k3d, minikube and kubectl, by the name that it is called by. In $STAND_IN:
# calls.txt, what was called with which KUBECONFIG; clusters/, a file for each cluster that is there,
# from the first moment of its making on; create and delete, what shall become of that (fails, hangs).
PATH=/usr/bin:/bin
program=$(basename "$0")

fate() {
    case $(cat "$STAND_IN/$1" 2>/dev/null) in
    fails)
        echo "ERROR: failed to $1 cluster: no room" >&2
        exit 7
        ;;
    hangs) exec sleep 120 ;;
    waits) while [ ! -e "$STAND_IN/go-on" ]; do sleep 0.05; done ;;
    esac
}

create() {
    touch "$STAND_IN/clusters/$1"
    echo "$program $all KUBECONFIG=$KUBECONFIG" >>"$STAND_IN/calls.txt"
    fate create
}

delete() {
    echo "$program $all KUBECONFIG=$KUBECONFIG" >>"$STAND_IN/calls.txt"
    fate delete
    rm "$STAND_IN/clusters/$1"
    echo "edited" >>"$KUBECONFIG" # as kind and k3d do
}

all=$*
case "$program $1 $2" in
kubectl*) # kubectl --kubeconfig FILE get …
    [ -e "$2" ] || exit 1
    echo "readyz check passed"
    ;;
"kind create cluster") # --name N --kubeconfig FILE --image I
    create "$4"
    cat "$STAND_IN/kubeconfig" >"$6"
    ;;
"kind delete cluster") delete "$4" ;;
"k3d --version "*) echo "k3d version v5.8.3" ;;
"k3d cluster create") create "$3" ;;
"k3d kubeconfig get") cat "$STAND_IN/kubeconfig" ;;
"k3d cluster delete") delete "$3" ;;
"minikube start -p")
    create "$3"
    cat "$STAND_IN/kubeconfig" >"$KUBECONFIG"
    ;;
"minikube delete -p") delete "$3" ;;
*) exit 64 ;;
esac
