// Reads a tar archive held in memory: plain files of the ustar format, which is all that the one archive needs whose
// checksum was compared before (see swiftshader.ts). POSIX.1-1988 ustar: 512-byte headers, sizes in octal.
import { DeviceError } from "../../engine/errors.ts";

const BLOCK_BYTES = 512;

/** The plain files of a tar archive by name; contents are views of the archive. Throws DeviceError when it is cut short. */
export function readTar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK_BYTES <= archive.length && archive[at] !== 0;) {
    const header = Buffer.from(archive.buffer, archive.byteOffset + at, BLOCK_BYTES);
    const name = textField(header, 0, 100);
    const prefix = textField(header, 345, 155);
    const bytes = Number.parseInt(textField(header, 124, 12), 8);
    const start = at + BLOCK_BYTES;
    if (!(start + bytes <= archive.length)) {
      throw new DeviceError(`tar: ${name} must end inside the archive; it is cut short.`);
    }
    const kind = String.fromCharCode(header[156] ?? 0);
    if (kind === "0" || kind === "\0") {
      files.set(prefix ? `${prefix}/${name}` : name, archive.subarray(start, start + bytes));
    }
    at = start + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

function textField(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}
