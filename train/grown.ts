/** A copy of a typed array with twice the room; the rest is 0. */
export function grown<A extends Uint16Array | Uint32Array | Float32Array | Float64Array>(
  array: A,
): A {
  const larger = new (array.constructor as new (length: number) => A)(2 * array.length);
  larger.set(array);
  return larger;
}
