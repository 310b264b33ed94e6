// Takes weights out of a WebAssembly module's data, so that they can be loaded beside it
// (WebAssembly core specification 2.0, section 5.5).

const DATA = 11;
const DATA_COUNT = 12;
const I32_CONST = 0x41;
const END = 0x0b;

/** The module's sections, and its data segments with their places in memory. */
export function readModule(bytes) {
  if (bytes.readUInt32LE(0) !== 0x6d736100 || bytes.readUInt32LE(4) !== 1) {
    throw new Error("this is no WebAssembly module of version 1");
  }
  const sections = [];
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.unsigned();
    sections.push({ id, bytes: reader.take(length) });
  }
  const data = sections.find((section) => section.id === DATA);
  return { sections, segments: data ? readSegments(data.bytes) : [] };
}

/** The module without ranges `{segment, start, bytes}` of its data, which do not overlap. */
export function withoutRanges({ sections, segments }, ranges) {
  const kept = segments.flatMap((segment) => {
    const cuts = ranges.filter((range) => range.segment === segment).sort((a, b) => a.start - b.start);
    const rest = [];
    let from = 0;
    for (const { start, bytes } of [...cuts, { start: segment.bytes.length, bytes: [] }]) {
      if (start > from) {
        rest.push({ offset: segment.offset + from, bytes: segment.bytes.subarray(from, start) });
      }
      from = start + bytes.length;
    }
    return rest;
  });
  const body = Buffer.concat([
    unsigned(kept.length),
    ...kept.flatMap(({ offset, bytes }) => [
      Buffer.from([0, I32_CONST]),
      signed(offset),
      Buffer.from([END]),
      unsigned(bytes.length),
      bytes,
    ]),
  ]);
  const replaced = { [DATA]: body, [DATA_COUNT]: unsigned(kept.length) };
  return Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    ...sections.flatMap(({ id, bytes }) => {
      const content = replaced[id] ?? bytes;
      return [Buffer.from([id]), unsigned(content.length), content];
    }),
  ]);
}

function readSegments(bytes) {
  const reader = new Reader(bytes, 0);
  return Array.from({ length: reader.unsigned() }, () => {
    if (reader.unsigned() !== 0 || reader.byte() !== I32_CONST) {
      throw new Error("a data segment has no fixed place in memory");
    }
    const offset = reader.signed() >>> 0;
    if (reader.byte() !== END) throw new Error("a data segment's place is computed");
    return { offset, bytes: reader.take(reader.unsigned()) };
  });
}

/** Reads integers in LEB128. */
class Reader {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error("the module ends too early");
    return this.bytes[this.at++];
  }

  take(length) {
    if (length > this.bytes.length - this.at) throw new Error("the module ends too early");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  unsigned() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  signed() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        const unused = 32 - shift - 7;
        return unused > 0 ? (value << unused) >> unused : value;
      }
    }
  }
}

function unsigned(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function signed(value) {
  const bytes = [];
  for (value |= 0; value < -0x40 || value > 0x3f; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value & 0x7f]);
}
