import { prepareDriver } from "../../cli/setup/driver.ts";
import { type Gpu, openGpu } from "../../engine/index.ts";

/** The preferred GPU, with the driver that the set-up chose; the caller closes it. */
export function openPreparedGpu(): Promise<Gpu> {
  prepareDriver();
  return openGpu();
}
