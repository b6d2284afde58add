// Command coredns is CoreDNS with the plugins that a cluster's DNS needs and no others.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/template"
)

// Upstream's order of these plugins; "template" stands before "kubernetes", which is why the
// Corefile answers foreign names from a server block of their own.
func init() {
	dnsserver.Directives = []string{
		"reload", "errors", "health", "ready", "prometheus", "template", "loadbalance", "kubernetes",
	}
}

func main() { coremain.Run() }
