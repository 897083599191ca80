// Command cert-manager is the controller, the webhook, the CA injector and the
// API check of cert-manager in one file. The name that it is called by picks
// the face.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	cainjector "github.com/cert-manager/cert-manager/cmd/cainjector/app"
	controller "github.com/cert-manager/cert-manager/cmd/controller/app"
	"github.com/cert-manager/cert-manager/cmd/util"
	webhook "github.com/cert-manager/cert-manager/cmd/webhook/app"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

// faces maps a program's name to the making of its command.
var faces = map[string]func(stop <-chan struct{}) *cobra.Command{
	"controller": controller.NewCommandStartCertManagerController,
	"webhook":    webhook.NewServerCommand,
	"cainjector": func(stop <-chan struct{}) *cobra.Command {
		ctrl.SetLogger(logf.Log)
		ctx := util.ContextWithStopCh(context.Background(), stop)
		return cainjector.NewCommandStartInjectorController(ctx, os.Stdout, os.Stderr)
	},
	"ctl": func(stop <-chan struct{}) *cobra.Command {
		return apiCheck(util.ContextWithStopCh(context.Background(), stop))
	},
}

func main() {
	name := filepath.Base(os.Args[0])
	face, ok := faces[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: call this file controller, webhook, cainjector or ctl\n", os.Args[0])
		os.Exit(2)
	}
	onExit := util.GracefulShutdown
	if name == "ctl" {
		onExit = util.AlwaysErrCode
	}
	run(face, onExit)
}

// run follows the order of upstream's mains: exit is deferred first, because it
// ends the process with the code that the command left behind.
func run(face func(<-chan struct{}) *cobra.Command, onExit util.ExitBehavior) {
	stop, exit := util.SetupExitHandler(onExit)
	defer exit()

	logf.InitLogs(flag.CommandLine)
	defer logf.FlushLogs()

	cmd := face(stop)
	cmd.Flags().AddGoFlagSet(flag.CommandLine)
	_ = flag.CommandLine.Parse(nil)
	if err := cmd.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		util.SetExitCode(err)
	}
}
