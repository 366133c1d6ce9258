// Input that arrives in pieces, as from a pipe: a reader must not care where the cuts fall.

/** Yields the bytes `pieceBytes` at a time, each on a later turn. */
export async function* inPieces(
  content: string | Uint8Array,
  pieceBytes = 1 << 18,
): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await Promise.resolve();
    yield bytes.subarray(at, at + pieceBytes);
  }
}

/** Everything a stream yields. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
