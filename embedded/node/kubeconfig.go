package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
)

// kubeconfig is the text of one with everything in it, for the holder of the
// certificate in file. JSON is YAML, and needs no library.
func (p pki) kubeconfig(cluster, file string, nodeIP net.IP) ([]byte, error) {
	encoded := map[string]string{}
	for _, name := range []string{"ca.crt", file + ".crt", file + ".key"} {
		text, err := os.ReadFile(p.path(name))
		if err != nil {
			return nil, err
		}
		encoded[name] = base64.StdEncoding.EncodeToString(text)
	}
	type fields = map[string]any
	text, err := json.MarshalIndent(fields{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []fields{{"name": cluster, "cluster": fields{
			"server":                     serverURL(nodeIP),
			"certificate-authority-data": encoded["ca.crt"],
		}}},
		"users": []fields{{"name": cluster, "user": fields{
			"client-certificate-data": encoded[file+".crt"],
			"client-key-data":         encoded[file+".key"],
		}}},
		"contexts":        []fields{{"name": cluster, "context": fields{"cluster": cluster, "user": cluster}}},
		"current-context": cluster,
	}, "", "  ")
	return append(text, '\n'), err
}

func serverURL(nodeIP net.IP) string {
	return fmt.Sprintf("https://%s:%d", nodeIP, apiPort)
}
