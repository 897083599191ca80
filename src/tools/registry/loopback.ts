/**
 * Whether the host is this machine. Registries there speak plain HTTP by the convention of Docker and containerd;
 * everywhere else HTTPS is spoken, without exception.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/u.test(hostname);
}
