// Second step of `npm start` and `npm test`: makes sure that there is an adapter, silently when there is.
import { AlbertGpuError } from "../../engine/errors.ts";
import { provideDriver } from "./driver.ts";

try {
  await provideDriver({ log: (line) => console.log(line) });
} catch (error) {
  if (!(error instanceof AlbertGpuError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
