// Reads what src/retort/lens/packing.py writes: sorted logits without loss, and token ids in a fixed width of bits.

import type { PackedIds, PackedLogits } from "../records.ts";

const BLOCK = 64;
const ESCAPE = 24;
const PARAMETER_BITS = 5;

/** The finite logits, largest first, exactly as Python has them. */
export function unpackLogits(packed: PackedLogits): Float64Array {
  const bytes = fromBase64(packed.data);
  if (packed.encoding === "float64") {
    const view = new DataView(bytes.buffer);
    return Float64Array.from({ length: packed.count }, (_, index) => view.getFloat64(8 * index, true));
  }
  if (packed.encoding !== "rice32") throw new Error(`logits are packed as ${packed.encoding}, which this page cannot read`);
  return unrice(bytes, packed.count);
}

/** Token ids in order of rank. */
export function unpackIds(packed: PackedIds): Uint32Array {
  const bits = new BitReader(fromBase64(packed.data));
  const ids = new Uint32Array(packed.count);
  for (let rank = 0; rank < packed.count; rank++) ids[rank] = bits.read(packed.width);
  return ids;
}

function unrice(bytes: Uint8Array, count: number): Float64Array {
  const bits = new BitReader(bytes);
  const logits = new Float64Array(count);
  const integer = new Uint32Array(1);
  const float = new Float32Array(integer.buffer);
  let ordered = 0xffffffff;
  let parameter = 0;
  for (let rank = 0; rank < count; rank++) {
    if (rank % BLOCK === 0) parameter = bits.read(PARAMETER_BITS);
    const quotient = bits.zeros();
    ordered -= quotient === ESCAPE ? bits.read(32) : quotient * 2 ** parameter + bits.read(parameter);
    integer[0] = ordered >= 0x80000000 ? ordered - 0x80000000 : 0xffffffff - ordered;
    logits[rank] = float[0]!;
  }
  return logits;
}

/** Bits from the most significant down. */
class BitReader {
  private readonly bytes: Uint8Array;
  private place = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The next `width` bits, at most 32, as a number. */
  read(width: number): number {
    let value = 0;
    let left = width;
    while (left > 0) {
      const within = this.place & 7;
      const taken = Math.min(left, 8 - within);
      const part = (this.bytes[this.place >> 3]! >> (8 - within - taken)) & ((1 << taken) - 1);
      value = value * 2 ** taken + part;
      this.place += taken;
      left -= taken;
    }
    return value;
  }

  /** How many zeros come before the next one; the one is read too. */
  zeros(): number {
    let count = 0;
    for (;;) {
      const within = this.place & 7;
      const rest = (this.bytes[this.place >> 3]! << within) & 0xff;
      if (rest === 0) {
        if (this.place >> 3 >= this.bytes.length) throw new Error("the packed logits end too early");
        count += 8 - within;
        this.place += 8 - within;
      } else {
        const ahead = Math.clz32(rest) - 24;
        this.place += ahead + 1;
        return count + ahead;
      }
    }
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
