// Checks a GLB before three.js reads it: a damaged or hostile file must not freeze the page.
// Every size that the file claims is compared with what it has, or with a limit.

/** Limits far above real characters (some 500 nodes, 60 deep, a few million numbers). */
const MOST_NODES = 20_000;
const DEEPEST = 500;
/** Bytes of decoded vertex data in all. */
const MOST_BYTES = 2 ** 30;

const MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;

const COMPONENT_BYTES: Readonly<Record<number, number>> = {
  5120: 1,
  5121: 1,
  5122: 2,
  5123: 2,
  5125: 4,
  5126: 4,
};
const COMPONENTS: Readonly<Record<string, number>> = {
  SCALAR: 1,
  VEC2: 2,
  VEC3: 3,
  VEC4: 4,
  MAT2: 4,
  MAT3: 9,
  MAT4: 16,
};

interface GltfNode {
  readonly children?: readonly number[];
}

interface BufferView {
  readonly buffer?: number;
  readonly byteOffset?: number;
  readonly byteLength?: number;
  readonly byteStride?: number;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

interface Accessor {
  readonly bufferView?: number;
  readonly byteOffset?: number;
  readonly componentType?: number;
  readonly type?: string;
  readonly count?: number;
}

/** The parts of a glTF document that are checked. */
export interface GltfDocument {
  readonly nodes?: readonly GltfNode[];
  readonly buffers?: readonly { readonly byteLength?: number }[];
  readonly bufferViews?: readonly BufferView[];
  readonly accessors?: readonly Accessor[];
  readonly extensionsUsed?: readonly string[];
  readonly extensionsRequired?: readonly string[];
}

/** Its message completes the sentence "NAME cannot be shown: …". */
export class AvatarError extends Error {}

/**
 * Reads the JSON chunk of a GLB and checks the document.
 *
 * @throws AvatarError if the file is not a GLB, is cut short, or claims more than it holds.
 */
export function checkGlb(file: ArrayBuffer): GltfDocument {
  const view = new DataView(file);
  if (file.byteLength < 20 || view.getUint32(0, true) !== MAGIC) {
    throw new AvatarError("it is not a GLB or VRM file");
  }
  const total = view.getUint32(8, true);
  const length = view.getUint32(12, true);
  if (total > file.byteLength || length > total - 20 || view.getUint32(16, true) !== JSON_CHUNK) {
    throw new AvatarError("the file is cut short or damaged");
  }
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 20, length)));
  } catch {
    throw new AvatarError("its description is not JSON");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new AvatarError("its description is not an object");
  }
  checkDocument(document as GltfDocument);
  return document as GltfDocument;
}

/** Checks the document of a GLB. Throws AvatarError. */
export function checkDocument(document: GltfDocument): void {
  for (const key of ["nodes", "buffers", "bufferViews", "accessors"] as const) {
    const list = document[key];
    if (list !== undefined && !Array.isArray(list)) throw new AvatarError(`${key} is not a list`);
  }
  checkNodes(document.nodes ?? []);
  checkViews(document);
  checkAccessors(document);
}

function checkNodes(nodes: readonly GltfNode[]): void {
  if (nodes.length > MOST_NODES) {
    throw new AvatarError(`it has ${nodes.length} nodes, and at most ${MOST_NODES} are shown`);
  }
  const parents = new Int32Array(nodes.length).fill(-1);
  nodes.forEach((node, parent) => {
    const children = node?.children ?? [];
    if (!Array.isArray(children))
      throw new AvatarError(`the children of node ${parent} are no list`);
    for (const child of children) {
      if (!Number.isInteger(child) || child < 0 || child >= nodes.length) {
        throw new AvatarError(`node ${parent} has a child ${child}, which does not exist`);
      }
      if (parents[child] !== -1) throw new AvatarError(`node ${child} has two parents`);
      parents[child] = parent;
    }
  });
  // Depth from the root; 0 is unknown. Each node is visited once.
  const depths = new Int32Array(nodes.length);
  for (let start = 0; start < nodes.length; start++) {
    const path: number[] = [];
    let node = start;
    while (node >= 0 && depths[node] === 0) {
      if (path.length > nodes.length) throw new AvatarError("its nodes form a circle");
      path.push(node);
      node = parents[node]!;
    }
    let depth = node >= 0 ? depths[node]! : 0;
    while (path.length > 0) depths[path.pop()!] = ++depth;
    if (depth > DEEPEST) {
      throw new AvatarError(`it has a chain of more than ${DEEPEST} nodes`);
    }
  }
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** Whether the view is decompressed by EXT_meshopt_compression, so that its size is a claim. */
function isCompressed(view: BufferView): boolean {
  return Object.keys(view.extensions ?? {}).some((name) => name.includes("meshopt"));
}

function checkViews({ buffers = [], bufferViews = [] }: GltfDocument): void {
  let decoded = 0;
  bufferViews.forEach((view, i) => {
    const { buffer, byteOffset = 0, byteLength } = view ?? {};
    const size = isCount(buffer) ? buffers[buffer]?.byteLength : undefined;
    if (!isCount(byteOffset) || !isCount(byteLength) || !isCount(size)) {
      throw new AvatarError(`buffer view ${i} is not complete`);
    }
    if (byteOffset + byteLength > size) {
      throw new AvatarError(
        `buffer view ${i} claims ${byteOffset + byteLength} bytes of a buffer that has ${size}`,
      );
    }
    if (isCompressed(view)) decoded += byteLength;
  });
  limitBytes(decoded);
}

function checkAccessors({ accessors = [], bufferViews = [] }: GltfDocument): void {
  let without = 0;
  accessors.forEach((accessor, i) => {
    const { bufferView, byteOffset = 0, componentType, type, count } = accessor ?? {};
    const size = (COMPONENT_BYTES[componentType ?? 0] ?? 0) * (COMPONENTS[type ?? ""] ?? 0);
    if (size === 0 || !isCount(count) || !isCount(byteOffset)) {
      throw new AvatarError(`accessor ${i} is not complete`);
    }
    // Sparse or Draco-compressed data: the count alone decides how much memory is taken.
    if (bufferView === undefined) {
      without += count * size;
      return;
    }
    const view = bufferViews[bufferView];
    const stride = view?.byteStride || size;
    const needed = count === 0 ? 0 : byteOffset + stride * (count - 1) + size;
    if (!view || needed > view.byteLength!) {
      throw new AvatarError(
        `accessor ${i} claims ${count} elements, more than its buffer view has room for`,
      );
    }
  });
  limitBytes(without);
}

function limitBytes(bytes: number): void {
  if (bytes > MOST_BYTES) {
    const most = MOST_BYTES / 2 ** 20;
    throw new AvatarError(
      `it claims ${Math.ceil(bytes / 2 ** 20)} MB of vertex data, and at most ${most} MB are shown`,
    );
  }
}
