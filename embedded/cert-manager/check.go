package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
)

// apiCheck is `ctl check api`, the one command of cmctl that the chart runs (its
// startupapicheck job). It asks cert-manager's own checker; cmctl around it
// would link helm, kubectl and kustomize.
func apiCheck(ctx context.Context) *cobra.Command {
	root := &cobra.Command{Use: "ctl", Short: "The API check of cert-manager", SilenceErrors: true}
	check := &cobra.Command{Use: "check", Short: "Check cert-manager's components"}
	check.AddCommand(checkAPI(ctx))
	root.AddCommand(check)
	return root
}

func checkAPI(ctx context.Context) *cobra.Command {
	var limit, interval time.Duration
	var namespace string
	cmd := &cobra.Command{
		Use:          "api",
		Short:        "Check that the API server takes a certificate (dry run)",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			checker, err := newChecker(namespace)
			if err != nil {
				return err
			}
			return waitForAPI(ctx, checker, limit, interval)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&limit, "wait", 0, "How long to wait for the API")
	flags.DurationVar(&interval, "interval", 5*time.Second, "Time between two checks")
	flags.StringVarP(&namespace, "namespace", "n", "", "Where the certificate is tried; default: the pod's own")
	flags.BoolP("verbose", "v", false, "Accepted for the chart's sake: every error is printed whole")
	return cmd
}

// newChecker finds the API server as kubectl does: KUBECONFIG, else the pod's
// service account.
func newChecker(namespace string) (cmapichecker.Interface, error) {
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{})
	if namespace == "" {
		own, _, err := config.Namespace()
		if err != nil {
			return nil, err
		}
		namespace = own
	}
	rest, err := config.ClientConfig()
	if err != nil {
		return nil, err
	}
	return cmapichecker.New(rest, scheme.Scheme, namespace)
}

// waitForAPI checks at least once, then until limit has passed.
func waitForAPI(ctx context.Context, checker cmapichecker.Interface, limit, interval time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		err := checker.Check(ctx)
		if err == nil {
			fmt.Println("The cert-manager API is ready")
			return nil
		}
		if time.Now().Add(interval).After(deadline) {
			return fmt.Errorf("not ready after %s: %w", limit, err)
		}
		fmt.Println("Not ready:", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}
