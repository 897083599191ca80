/** As logrus writes without colours. What is no error goes to the standard output. */
export function log(level: 'info' | 'warning' | 'error' | 'fatal', message: string): void {
  const line = `time="${new Date().toISOString()}" level=${level} msg=${JSON.stringify(message)}`;
  if (level !== 'info') console.error(line);
  else if (process.env['LOG_LEVEL'] !== 'warning') console.log(line);
}

export function fatal(message: string): never {
  log('fatal', message);
  process.exit(1);
}
