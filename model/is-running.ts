import { errorCode } from "./read-file.ts";

/** Whether there is a process of this number, another user's too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 asks, it does not disturb
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
