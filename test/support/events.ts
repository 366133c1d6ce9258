// Reads TensorBoard's event files without the code that writes them: by TensorFlow's format descriptions alone.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Event {
  wallTime: number;
  step: number;
  version?: string;
  scalars: Record<string, number>;
  texts: Record<string, string>;
}

/** CRC-32C bit by bit (RFC 3720, appendix B.4). */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
}

function checkedCrc(bytes: Uint8Array, masked: number): void {
  const rotated = (masked - 0xa282ead8) >>> 0;
  const crc = ((rotated >>> 17) | (rotated << 15)) >>> 0;
  if (crc !== crc32c(bytes)) throw new Error(`a record's checksum is wrong`);
}

/** The fields of a message, [number, value], in order: bytes, or a number for the fixed and variable ones. */
function* fields(bytes: Buffer): Generator<[number, Buffer | number]> {
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) yield [tag >> 3, varint()];
    else if (wire === 1) yield [tag >> 3, bytes.readDoubleLE((at += 8) - 8)];
    else if (wire === 5) yield [tag >> 3, bytes.readFloatLE((at += 4) - 4)];
    else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error("a field is longer than its message");
      yield [tag >> 3, bytes.subarray(at, (at += length))];
    } else throw new Error(`wire type ${wire}`);
  }
}

function event(bytes: Buffer): Event {
  const read: Event = { wallTime: NaN, step: 0, scalars: {}, texts: {} };
  for (const [field, value] of fields(bytes)) {
    if (field === 1) read.wallTime = value as number;
    else if (field === 2) read.step = value as number;
    else if (field === 3) read.version = value.toString();
    else if (field === 5)
      for (const [, one] of fields(value as Buffer)) summary(read, one as Buffer);
    else throw new Error(`Event has a field ${field}`);
  }
  return read;
}

function summary(into: Event, bytes: Buffer): void {
  const value = new Map(fields(bytes));
  const tag = value.get(1)!.toString();
  if (value.has(2)) into.scalars[tag] = value.get(2) as number;
  if (value.has(8)) into.texts[tag] = new Map(fields(value.get(8) as Buffer)).get(8)!.toString();
}

/** All events of a file. Throws for a damaged one. */
export function readEvents(path: string): Event[] {
  const file = readFileSync(path);
  const events: Event[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    checkedCrc(file.subarray(at, at + 8), file.readUInt32LE(at + 8));
    const data = file.subarray(at + 12, at + 12 + length);
    checkedCrc(data, file.readUInt32LE(at + 12 + length));
    events.push(event(data));
    at += length + 16;
  }
  return events;
}

/** Paths of the event files below a folder. */
export function eventFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.includes("tfevents"))
    .map((name) => join(folder, name));
}

/** Every number of a run's event files by tag, [step, value], in the order written. */
export function scalarsOf(folder: string): Record<string, [number, number][]> {
  const all: Record<string, [number, number][]> = {};
  for (const { step, scalars } of eventFiles(folder).flatMap(readEvents)) {
    for (const [tag, value] of Object.entries(scalars)) (all[tag] ??= []).push([step, value]);
  }
  return all;
}
