// Command kubernetes is every component of the lab's control plane and nodes in one binary: the
// linker runs once instead of six times. One process still runs one component, because signal
// handlers, feature gates and klog are process-global upstream.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// kubernetesCommand wraps a constructor: constructors have side effects on global flag sets, so
// only the chosen one may run.
func kubernetesCommand(construct func() *cobra.Command) func([]string) int {
	return func(args []string) int {
		os.Args = args
		return cli.Run(construct())
	}
}

var components = map[string]func(args []string) int{
	"etcd":                    func(args []string) int { etcdmain.Main(args); return 0 },
	"kube-apiserver":          kubernetesCommand(func() *cobra.Command { return apiserver.NewAPIServerCommand() }),
	"kube-controller-manager": kubernetesCommand(func() *cobra.Command { return controllermanager.NewControllerManagerCommand() }),
	"kube-scheduler":          kubernetesCommand(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                 kubernetesCommand(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kube-proxy":              kubernetesCommand(func() *cobra.Command { return proxy.NewProxyCommand() }),
}

func main() {
	args := os.Args
	if _, known := components[filepath.Base(args[0])]; !known && len(args) > 1 {
		args = args[1:]
	}
	run, known := components[filepath.Base(args[0])]
	if !known {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: kubernetes COMPONENT [flags]; COMPONENT is one of %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Exit(run(args))
}
