import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM. A root signs an intermediate authority, which signs the server's certificate for 127.0.0.1 and localhost. */
export interface Certificates {
  readonly root: string;
  readonly intermediate: string;
  readonly server: { readonly key: string; readonly cert: string };
  /** Signed as the server's; for whoever is asked who they are. */
  readonly client: { readonly key: string; readonly cert: string };
}

/** Made by openssl, which Node cannot do by itself. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'tracewright-certificates-'));
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const sign = (name: string, subject: string, by: string, extensions: string): void => {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    writeFileSync(join(folder, `${name}.ext`), extensions);
    const signer = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'];
    const request = ['-req', '-in', `${name}.csr`, '-days', '3650', '-extfile', `${name}.ext`];
    openssl('x509', ...request, ...signer, '-out', `${name}.pem`);
  };
  try {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'root.key');
    const self = ['-x509', '-new', '-key', 'root.key', '-subj', '/CN=Example Root CA', '-days', '3650'];
    openssl('req', ...self, '-out', 'root.pem');
    const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';
    sign('intermediate', '/CN=Example Cluster CA', 'root', authority);
    sign('server', '/CN=kube-apiserver', 'intermediate', 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    sign('client', '/CN=tracewright', 'intermediate', 'extendedKeyUsage=clientAuth\n');
    return {
      root: read('root.pem'),
      intermediate: read('intermediate.pem'),
      server: { key: read('server.key'), cert: read('server.pem') + read('intermediate.pem') },
      client: { key: read('client.key'), cert: read('client.pem') + read('intermediate.pem') },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
