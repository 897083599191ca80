// Command alone is the node program without the faces of Kubernetes: it links
// in seconds, for work on the node itself. Its configuration names the binary
// that has them.
package main

import "tracewright/embedded/kube/node"

func main() { node.Main() }
