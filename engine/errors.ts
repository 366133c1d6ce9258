// The error classes of every layer below the CLI. Form of a message: "where: requirement; got value. remedy."
// Facts stand in fields, so that a caller can act on them without parsing text.

/** Base of the errors this package throws on purpose. */
export class AlbertGpuError extends Error {
  override name = this.constructor.name;
}

/** A tensor has the wrong shape, element type or size for an operation, or a number that goes with it is out of range. */
export class ShapeError extends AlbertGpuError {}

/** No adapter, a limit or feature the adapter lacks, device loss, or a validation error the GPU reported. */
export class DeviceError extends AlbertGpuError {}

/** The adapter cannot compute in the precision asked for. */
export class PrecisionError extends DeviceError {}

/** A WGSL source did not compile, or a launch does not fit its kernel's declaration. */
export class KernelError extends AlbertGpuError {}

/** A config.json field has a value this model does not support. */
export class ConfigError extends AlbertGpuError {}

/** A file or folder is missing, damaged, cannot be read or written, or does not fit the model. */
export class FileError extends AlbertGpuError {
  readonly path: string;
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.path = path;
  }
}

/** Input rows that cannot be used: a missing column, an empty label, a broken CSV record. */
export class DataError extends AlbertGpuError {}

/** Training cannot go on: a non-finite loss, a run folder another process uses, or a checkpoint of another run. */
export class TrainingError extends AlbertGpuError {}

/** Throws when an internal promise is broken; the message is only built when it is. */
export function invariant(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new AlbertGpuError(`internal: ${message()}`);
}
