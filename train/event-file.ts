// TensorBoard's event files: TFRecords (length, masked CRC-32C, bytes, masked CRC-32C) that hold Event messages.
// Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorboard/compat/proto/summary.proto.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), turned and shifted as TFRecord wants it. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

function record(data: Buffer): Buffer {
  const framed = Buffer.alloc(HEADER_BYTES + data.length + FOOTER_BYTES);
  framed.writeBigUInt64LE(BigInt(data.length));
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8);
  data.copy(framed, HEADER_BYTES);
  framed.writeUInt32LE(maskedCrc(data), HEADER_BYTES + data.length);
  return framed;
}

/** The whole records at the start of a file that belong to steps up to `lastStep`: how many, and their bytes. */
function wholeUpTo(file: Buffer, lastStep: number): { records: number; bytes: number } {
  let [records, bytes] = [0, 0];
  while (bytes + HEADER_BYTES + FOOTER_BYTES <= file.length) {
    if (maskedCrc(file.subarray(bytes, bytes + 8)) !== file.readUInt32LE(bytes + 8)) break;
    const start = bytes + HEADER_BYTES;
    const end = start + Number(file.readBigUInt64LE(bytes));
    if (end + FOOTER_BYTES > file.length) break;
    const data = file.subarray(start, end);
    if (maskedCrc(data) !== file.readUInt32LE(end) || stepOf(data) > lastStep) break;
    bytes = end + FOOTER_BYTES;
    records++;
  }
  return { records, bytes };
}

// Protocol buffers: a field is its number and wire type, then a varint, 4 or 8 bytes, or a length and that many bytes.
const VARINT = 0;
const EIGHT_BYTES = 1;
const COUNTED = 2;
const FOUR_BYTES = 5;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

const key = (field: number, wire: number): Buffer => Buffer.of((field << 3) | wire);

const integer = (field: number, value: number): Buffer =>
  Buffer.concat([key(field, VARINT), Buffer.from(varint(value))]);

function counted(field: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([key(field, COUNTED), Buffer.from(varint(content.length)), content]);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, EIGHT_BYTES), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, FOUR_BYTES), bytes]);
}

/** The step of an Event: field 2, which stands before all but the time. */
function stepOf(event: Buffer): number {
  let at = event[0] === ((1 << 3) | EIGHT_BYTES) ? 9 : 0;
  if (event[at++] !== ((2 << 3) | VARINT)) return 0;
  let step = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = event[at++] ?? 0;
    step += (byte & 127) * scale;
    if (byte < 128) return step;
  }
}

/** One event file, written event by event: what was added is in the file when the call returns. */
export class EventFile {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** Begins a new file. Throws the system's error when it cannot be written. */
  static create(path: string): EventFile {
    const events = new EventFile(openSync(path, "wx"));
    events.add(counted(3, "brain.Event:2"));
    return events;
  }

  /**
   * Goes on with a file: what is damaged or later than `lastStep` is cut off. Undefined, and the file as it was, where that
   * does not leave `wanted` records.
   */
  static goOn(path: string, lastStep: number, wanted: number): EventFile | undefined {
    const { records, bytes } = wholeUpTo(readFileSync(path), lastStep);
    if (records !== wanted) return undefined;
    const file = openSync(path, "r+");
    ftruncateSync(file, bytes);
    closeSync(file);
    return new EventFile(openSync(path, "a"));
  }

  /** Adds numbers of a step, one by tag. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const list = Object.entries(values).map(([tag, value]) =>
      counted(1, counted(1, tag), float(2, value)),
    );
    this.add(integer(2, step), counted(5, ...list));
  }

  /** Adds a text of the whole run, which TensorBoard's text page shows. */
  text(tag: string, text: string): void {
    const metadata = counted(9, counted(1, counted(1, "text")));
    const shape = counted(2, counted(2, integer(1, 1)));
    const DT_STRING = 7;
    const tensor = counted(8, integer(1, DT_STRING), shape, counted(8, text));
    this.add(counted(5, counted(1, counted(1, `${tag}/text_summary`), metadata, tensor)));
  }

  close(): void {
    closeSync(this.#file);
  }

  private add(...fields: readonly Buffer[]): void {
    const time = double(1, Date.now() / 1000);
    writeSync(this.#file, record(Buffer.concat([time, ...fields])));
  }
}
