// Command hotrod is Jaeger's demo application, as upstream builds it.
package main

import "github.com/jaegertracing/jaeger/examples/hotrod/cmd"

func main() { cmd.Execute() }
