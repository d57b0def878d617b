// Vertices of a mesh that are equal in all they have become one.

import { BufferAttribute, type BufferGeometry, InterleavedBufferAttribute } from "three";

const PRIMES = [0x01000193, 0x85ebca6b] as const;

/**
 * Gives a geometry without an index one, and leaves out the vertices that repeat others.
 *
 * Equal are vertices whose attributes, morph targets included, have the same bits, by a hash of 53
 * bits: of a million vertices two others are taken for equal with a probability of 1e-4.
 */
export function weld(geometry: BufferGeometry): void {
  const lists = [Object.values(geometry.attributes), ...Object.values(geometry.morphAttributes)];
  const attributes = lists.flat();
  if (geometry.index || attributes.some((a) => a instanceof InterleavedBufferAttribute)) return;
  const count = geometry.getAttribute("position").count;
  const keys = hashes(attributes as BufferAttribute[], count);
  const first = new Map<number, number>();
  const kept: number[] = [];
  const index = new Uint32Array(count);
  keys.forEach((key, vertex) => {
    let place = first.get(key);
    if (place === undefined) {
      place = kept.length;
      first.set(key, place);
      kept.push(vertex);
    }
    index[vertex] = place;
  });
  for (const [name, attribute] of Object.entries(geometry.attributes)) {
    geometry.setAttribute(name, picked(attribute as BufferAttribute, kept));
  }
  for (const [name, targets] of Object.entries(geometry.morphAttributes)) {
    geometry.morphAttributes[name as "position"] = targets.map((target) =>
      picked(target as BufferAttribute, kept),
    );
  }
  geometry.setIndex(new BufferAttribute(index, 1));
}

function hashes(attributes: readonly BufferAttribute[], count: number): Float64Array {
  const [low, high] = [new Uint32Array(count), new Uint32Array(count)];
  for (const { array, itemSize } of attributes) {
    const words = array.BYTES_PER_ELEMENT === 4 ? new Uint32Array(array.buffer) : array;
    for (let vertex = 0, at = 0; vertex < count; vertex++) {
      let [a, b] = [low[vertex]!, high[vertex]!];
      for (let i = 0; i < itemSize; i++, at++) {
        const word = words[at]!;
        a = Math.imul(a ^ word, PRIMES[0]) ^ (a >>> 15);
        b = Math.imul((b + word) | 0, PRIMES[1]) ^ (b >>> 13);
      }
      low[vertex] = a;
      high[vertex] = b;
    }
  }
  return Float64Array.from(low, (a, vertex) => a + 2 ** 32 * (high[vertex]! & 0x1fffff));
}

function picked(from: BufferAttribute, vertices: readonly number[]): BufferAttribute {
  const { array, itemSize, normalized } = from;
  const kind = array.constructor as Float32ArrayConstructor;
  const to = new kind(vertices.length * itemSize);
  vertices.forEach((vertex, i) => {
    for (let j = 0; j < itemSize; j++) to[i * itemSize + j] = array[vertex * itemSize + j]!;
  });
  return new BufferAttribute(to, itemSize, normalized);
}
