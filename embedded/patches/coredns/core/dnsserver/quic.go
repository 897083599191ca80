// What wrote answers of DNS over QUIC: server_quic.go says why there is none.

package dnsserver
