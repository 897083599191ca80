package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity of every certificate. A cluster lives for hours or months; nothing
// renews the certificates, so they must outlive it by far.
const validity = 10 * 365 * 24 * time.Hour

// pair is a certificate and its key, as files NAME.crt and NAME.key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// holder is what a certificate says of its holder.
type holder struct {
	file   string
	name   string
	groups []string
	names  []string
	ips    []net.IP
}

// pki is a folder of certificates: those that are there are kept.
type pki struct{ folder string }

func (p pki) path(file string) string { return filepath.Join(p.folder, file) }

// ensure makes what is missing. The certificates that name the node's address
// are made anew when it has changed.
func (p pki) ensure(nodeName string, nodeIP net.IP) error {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return err
	}
	for _, authority := range []struct {
		file    string
		holders []holder
	}{
		{"ca", clusterHolders(nodeName, nodeIP)},
		{"front-proxy-ca", []holder{{file: "front-proxy-client", name: "front-proxy-client"}}},
		{"etcd-ca", []holder{
			{file: "etcd-server", name: "etcd", ips: []net.IP{net.IPv4(127, 0, 0, 1)}},
			{file: "etcd-client", name: "kube-apiserver"},
		}},
	} {
		signer, err := p.ensurePair(holder{file: authority.file, name: "tracewright " + authority.file}, nil)
		if err != nil {
			return err
		}
		for _, who := range authority.holders {
			if _, err := p.ensurePair(who, signer); err != nil {
				return err
			}
		}
	}
	return p.ensureKey("service-account")
}

func clusterHolders(nodeName string, nodeIP net.IP) []holder {
	const administrators = "system:masters"
	return []holder{
		{
			file: "kube-apiserver", name: "kube-apiserver",
			names: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			ips:   []net.IP{net.IPv4(127, 0, 0, 1), nodeIP, net.ParseIP(apiServiceIP)},
		},
		{file: "kubelet-server", name: nodeName, names: []string{nodeName}, ips: []net.IP{nodeIP}},
		{file: "kubelet", name: "system:node:" + nodeName, groups: []string{"system:nodes"}},
		{file: "kubelet-client", name: "kube-apiserver-kubelet-client", groups: []string{administrators}},
		{file: "admin", name: "tracewright-admin", groups: []string{administrators}},
		{file: "kube-controller-manager", name: "system:kube-controller-manager"},
		{file: "kube-scheduler", name: "system:kube-scheduler"},
		{file: "kube-proxy", name: "system:kube-proxy"},
	}
}

// ensurePair returns the pair on disk if it still fits, else makes one. Without
// a signer it is an authority.
func (p pki) ensurePair(who holder, signer *pair) (*pair, error) {
	if found, err := p.load(who.file); err == nil && fits(found, who, signer) {
		return found, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := certificateFor(who, signer == nil)
	if err != nil {
		return nil, err
	}
	issuer, issuerKey := template, key
	if signer != nil {
		issuer, issuerKey = signer.certificate, signer.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", who.file, err)
	}
	if err := p.writeKey(who.file, key); err != nil {
		return nil, err
	}
	if err := writeFile(p.path(who.file+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})); err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(raw)
	return &pair{made, key}, err
}

func certificateFor(who holder, authority bool) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	certificate := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: who.name, Organization: who.groups},
		NotBefore:             now.Add(-time.Hour), // clocks of virtual machines jump
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              who.names,
		IPAddresses:           who.ips,
	}
	if authority {
		certificate.IsCA = true
		certificate.KeyUsage |= x509.KeyUsageCertSign
		certificate.ExtKeyUsage = nil
	}
	return certificate, nil
}

// fits says whether a pair found on disk may be kept.
func fits(found *pair, who holder, signer *pair) bool {
	if time.Until(found.certificate.NotAfter) < validity/10 || found.certificate.Subject.CommonName != who.name {
		return false
	}
	if signer != nil && found.certificate.CheckSignatureFrom(signer.certificate) != nil {
		return false
	}
	for _, ip := range who.ips {
		if found.certificate.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

func (p pki) load(file string) (*pair, error) {
	certificate, err := p.decode(file + ".crt")
	if err != nil {
		return nil, err
	}
	key, err := p.decode(file + ".key")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParseECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	if !private.PublicKey.Equal(parsed.PublicKey) {
		return nil, fmt.Errorf("%s: certificate and key do not belong together", file)
	}
	return &pair{parsed, private}, nil
}

func (p pki) decode(file string) ([]byte, error) {
	text, err := os.ReadFile(p.path(file))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	return block.Bytes, nil
}

// ensureKey keeps or makes a key without a certificate: the one that signs the
// tokens of service accounts.
func (p pki) ensureKey(file string) error {
	if raw, err := p.decode(file + ".key"); err == nil {
		if _, err := x509.ParseECPrivateKey(raw); err == nil {
			return nil
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return p.writeKey(file, key)
}

func (p pki) writeKey(file string, key *ecdsa.PrivateKey) error {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(p.path(file+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}
