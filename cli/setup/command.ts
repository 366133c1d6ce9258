// Runs the set-up's external commands (apt-get, npm) and turns a failure into one readable error.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { DeviceError } from "../../engine/errors.ts";

const execFileAsync = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const SHOWN_LINES = 5;

/**
 * Runs a command to its end and returns its standard output.
 * Throws DeviceError with the first lines it complained in when it fails or is not installed.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  try {
    const { stdout } = await execFileAsync(command, args, { env, maxBuffer: MAX_OUTPUT_BYTES });
    return stdout;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const said = (stderr.trim() || message).split("\n").filter((line) => !/^\S* ?warn/i.test(line));
    const problem = said.slice(0, SHOWN_LINES).join("\n");
    throw new DeviceError(`${command} ${args[0]}: must succeed; got:\n${problem}`, {
      cause: error,
    });
  }
}
