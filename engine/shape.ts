import { ShapeError } from "./errors.ts";

/** Sizes of a tensor's axes, outermost first. A scalar is [1]. */
export type Shape = readonly number[];

/** The number of elements of a tensor of this shape. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** "[8, 128, 768]". */
export function format(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes have the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** Throws ShapeError unless `shape` is `expected`; `what` names the operation and argument: "linear: bias". */
export function expectShape(what: string, shape: Shape, expected: Shape): void {
  if (!sameShape(shape, expected)) {
    throw new ShapeError(`${what} must be ${format(expected)}; got ${format(shape)}.`);
  }
}

/** The rows and columns of a matrix. Throws ShapeError for another number of axes; `what` as in expectShape. */
export function expectMatrix(what: string, shape: Shape): [rows: number, columns: number] {
  const [R, C] = shape;
  if (shape.length === 2 && R !== undefined && C !== undefined) return [R, C];
  throw new ShapeError(`${what} must have two axes; got ${format(shape)}.`);
}

/** Splits a [..., C] shape into rows and columns: all axes but the last, and the last. */
export function rowsAndColumns(shape: Shape): { R: number; C: number } {
  const C = shape.at(-1) ?? 1;
  return { R: elementCount(shape) / C, C };
}
