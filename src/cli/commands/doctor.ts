import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { doctorLines } from '../doctor/doctor-view.js';
import { examine } from '../doctor/examine.js';
import type { InstallOptions } from '../install-request.js';

export interface DoctorOptions extends InstallOptions {
  json?: boolean;
}

/** Looks whether `up` with the same options could go on here, and what it would do. Starts and changes nothing. */
export async function doctor(context: CliContext, options: DoctorOptions): Promise<ExitCode> {
  const { config, print, paint, columns, signal } = context;
  const report = await examine(config, options, signal);
  if (options.json) print(JSON.stringify(report, undefined, 2));
  else for (const line of doctorLines(report, { paint, columns })) print(line);
  return report.ready ? exitCodes.ok : exitCodes.failed;
}
