// The messages of the WebSocket subprotocol `mocap.v1`, bytes to values and back. No socket in sight; mocap/stream/protocol.py is the
// same in Python, and the golden files in tests/data hold both to it.
//
// Binary messages are little-endian: a header of 24 bytes, then the data, which so begins on a multiple of 8 and is viewed, not copied.
//   u16 kind, u16 subject, u32 frame, f64 time (seconds of the source), f64 clock (the server's monotonic seconds at the frame's arrival)
//   kind 1, pose: f32 root[3], rotations[4 J] (xyzw, local), weights[E]
//   kind 2, keypoints: f32 image[2 n] (0 to 1, y down, NaN = not seen), positions[3 n] (metres), confidence[n]
//   kind 3, picture: the bytes of a JPEG
//   kind 4, face, which only the page sends: f32 transform[16] (rows), points[3 · 478], blendshapes[0 or 51]

export const PROTOCOL = "mocap.v1";
export const VERSION = 1;

const HEADER = 24;
export const POSE = 1;
export const KEYPOINTS = 2;
export const PICTURE = 3;
export const FACE = 4;
const FACE_FLOATS = 16 + 3 * 478;

/** What stands before the data of each binary message. */
export interface Header {
  readonly subject: number;
  readonly frame: number;
  /** Seconds of the source. */
  readonly time: number;
  /** The server's monotonic seconds when the source's frame arrived. */
  readonly clock: number;
}

export interface Pose extends Header {
  readonly kind: typeof POSE;
  /** World position of the hips, metres. */
  readonly root: Float32Array;
  /** (J, 4) xyzw, local to the parent, in the order of the skeleton's names. */
  readonly rotations: Float32Array;
  /** (E,) in the order of hello's expressions. */
  readonly weights: Float32Array;
}

export interface Keypoints extends Header {
  readonly kind: typeof KEYPOINTS;
  /** (n, 2), 0 to 1 over the picture, y down; NaN where not seen. */
  readonly image: Float32Array;
  /** (n, 3) metres. */
  readonly positions: Float32Array;
  /** (n,) 0 to 1. */
  readonly confidence: Float32Array;
}

export interface Picture extends Header {
  readonly kind: typeof PICTURE;
  readonly jpeg: Uint8Array;
}

export interface Face extends Header {
  readonly kind: typeof FACE;
  /** 4 × 4 by rows: MediaPipe's canonical face to the camera, metres, x right, y up, z to the camera. */
  readonly transform: Float32Array;
  /** (478, 3): x and y 0 to 1 over the picture, y down; z in x's unit, away from the camera. */
  readonly points: Float32Array;
  /** (51,) in the network's order, or none. */
  readonly blendshapes: Float32Array;
}

export type Binary = Pose | Keypoints | Picture | Face;

/** mocap's Skeleton: parents before children, offsets in metres from the parent at rest, the root's from the world's origin. */
export interface Skeleton {
  readonly names: readonly string[];
  readonly parents: readonly number[];
  readonly offsets: readonly (readonly [number, number, number])[];
}

export interface Source {
  readonly kind: "video" | "camera" | "motion" | "browser";
  readonly name: string;
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Hello {
  readonly type: "hello";
  readonly version: number;
  readonly skeleton: Skeleton;
  readonly expressions: readonly string[];
  /** Where the avatar's file is, relative to the page. */
  readonly rig: string;
  readonly source: Source;
  /** Where a whole motion lies for the page to play by itself, without the suffix of its two files (clip.ts). */
  readonly clip?: string;
}

export interface Status {
  readonly type: "status";
  readonly level: "info" | "warning" | "error";
  readonly text: string;
}

export interface Pong {
  readonly type: "pong";
  /** What the ping carried. */
  readonly client: number;
  /** The server's monotonic seconds. */
  readonly clock: number;
}

export interface Gone {
  readonly type: "gone";
  /** The performer who is seen no more. */
  readonly subject: number;
}

/** How live poses are made (mocap/solve/tuning.py). */
export interface Tuning {
  /** By how much stronger than usual the filters smooth, 0.25 to 4. */
  readonly smoothing: number;
  readonly feet: "auto" | "off";
  readonly hips: "free" | "locked";
}

export interface Tuned extends Tuning {
  readonly type: "tuned";
  /** Seconds by which the smoothing shows a movement late. */
  readonly lag: number;
}

export type ServerText = Hello | Status | Pong | Gone | Tuned;
export type ClientText =
  | { readonly type: "ack"; readonly frame: number }
  | { readonly type: "control"; readonly paused: boolean }
  | { readonly type: "calibrate" }
  | { readonly type: "person" }
  | { readonly type: "lead"; readonly who: "server" | "browser" }
  | ({ readonly type: "tune" } & Tuning)
  | {
      readonly type: "camera";
      readonly name: string;
      readonly width: number;
      readonly height: number;
    }
  | { readonly type: "ping"; readonly client: number };

/** A message that is not of this protocol, or not of this version; its message is a sentence for the page. */
export class ProtocolError extends Error {}

/** The binary message of a buffer, without a copy. `joints` is the skeleton's count. Throws ProtocolError. */
export function decode(buffer: ArrayBuffer, joints: number): Binary {
  if (buffer.byteLength < HEADER) {
    throw new ProtocolError(
      `A binary message has at least ${HEADER} bytes, but one of ${buffer.byteLength} came.`,
    );
  }
  const view = new DataView(buffer);
  const kind = view.getUint16(0, true);
  const header: Header = {
    subject: view.getUint16(2, true),
    frame: view.getUint32(4, true),
    time: view.getFloat64(8, true),
    clock: view.getFloat64(16, true),
  };
  if (kind === PICTURE) return { kind, ...header, jpeg: new Uint8Array(buffer, HEADER) };
  const bytes = buffer.byteLength - HEADER;
  const data = bytes % 4 === 0 ? new Float32Array(buffer, HEADER) : null;
  if (kind === POSE) {
    const rotations = 3 + 4 * joints;
    if (!data || data.length < rotations) {
      throw new ProtocolError(
        `A pose of ${joints} joints has at least ${4 * rotations} bytes of data, but ${bytes} came.`,
      );
    }
    return {
      kind,
      ...header,
      root: data.subarray(0, 3),
      rotations: data.subarray(3, rotations),
      weights: data.subarray(rotations),
    };
  }
  if (kind === KEYPOINTS) {
    if (!data || data.length % 6 !== 0) {
      throw new ProtocolError(
        `Keypoints have 24 bytes a landmark, but ${bytes} bytes of data came.`,
      );
    }
    const n = data.length / 6;
    return {
      kind,
      ...header,
      image: data.subarray(0, 2 * n),
      positions: data.subarray(2 * n, 5 * n),
      confidence: data.subarray(5 * n),
    };
  }
  if (kind === FACE) {
    if (!data || data.length < FACE_FLOATS)
      throw new ProtocolError(
        `A face has at least ${4 * FACE_FLOATS} bytes of data, but ${bytes} came.`,
      );
    return {
      kind,
      ...header,
      transform: data.subarray(0, 16),
      points: data.subarray(16, FACE_FLOATS),
      blendshapes: data.subarray(FACE_FLOATS),
    };
  }
  throw new ProtocolError(`A binary message is of kind 1 to 4, but one of kind ${kind} came.`);
}

/** The bytes of a binary message: what `decode` reads. */
export function encode(message: Binary): ArrayBuffer {
  const parts =
    message.kind === POSE
      ? [message.root, message.rotations, message.weights]
      : message.kind === KEYPOINTS
        ? [message.image, message.positions, message.confidence]
        : message.kind === FACE
          ? [message.transform, message.points, message.blendshapes]
          : [message.jpeg];
  const buffer = new ArrayBuffer(HEADER + parts.reduce((sum, part) => sum + part.byteLength, 0));
  const view = new DataView(buffer);
  view.setUint16(0, message.kind, true);
  view.setUint16(2, message.subject, true);
  view.setUint32(4, message.frame, true);
  view.setFloat64(8, message.time, true);
  view.setFloat64(16, message.clock, true);
  let at = HEADER;
  for (const part of parts) {
    new Uint8Array(buffer, at).set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    at += part.byteLength;
  }
  return buffer;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArrayOf<T>(value: unknown, is: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(is);
}

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);
const isString = (value: unknown): value is string => typeof value === "string";
const isVector = (value: unknown): value is [number, number, number] =>
  isArrayOf(value, isNumber) && value.length === 3;

function isSkeleton(value: unknown): value is Skeleton {
  if (!isRecord(value)) return false;
  const { names, parents, offsets } = value;
  return (
    isArrayOf(names, isString) &&
    isArrayOf(parents, isNumber) &&
    isArrayOf(offsets, isVector) &&
    names.length > 0 &&
    parents.length === names.length &&
    offsets.length === names.length &&
    parents.every((parent, joint) => (joint === 0 ? parent === -1 : parent >= 0 && parent < joint))
  );
}

function isSource(value: unknown): value is Source {
  return (
    isRecord(value) &&
    (value.kind === "video" ||
      value.kind === "camera" ||
      value.kind === "motion" ||
      value.kind === "browser") &&
    isString(value.name) &&
    isNumber(value.width) &&
    isNumber(value.height) &&
    value.width > 0 &&
    value.height > 0
  );
}

function isHello(value: Record<string, unknown>): boolean {
  return (
    isSkeleton(value.skeleton) &&
    isArrayOf(value.expressions, isString) &&
    isString(value.rig) &&
    isSource(value.source) &&
    (value.clip === undefined || isString(value.clip))
  );
}

/** The server's text message. Null for a type of a later server, which an older page passes over. Throws ProtocolError. */
export function parse(text: string): ServerText | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError(
      `The server's text messages are JSON, but “${text.slice(0, 40)}” came.`,
    );
  }
  if (!isRecord(value) || !isString(value.type))
    throw new ProtocolError("The server's text messages are objects with a type.");
  if (value.type === "hello") {
    if (value.version !== VERSION) {
      throw new ProtocolError(
        `The mocap server speaks version ${String(value.version)} of the protocol and this page version ${VERSION}: reload the page.`,
      );
    }
    if (!isHello(value))
      throw new ProtocolError("The server's hello is not complete: reload the page.");
    return value as unknown as Hello;
  }
  if (value.type === "status") {
    const known = value.level === "info" || value.level === "warning" || value.level === "error";
    if (!known || !isString(value.text))
      throw new ProtocolError("A status has a level (info, warning, error) and a text.");
    return value as unknown as Status;
  }
  if (value.type === "pong") {
    if (!isNumber(value.client) || !isNumber(value.clock))
      throw new ProtocolError("A pong has the numbers client and clock.");
    return value as unknown as Pong;
  }
  if (value.type === "gone") {
    if (!isNumber(value.subject)) throw new ProtocolError("A gone has the number subject.");
    return value as unknown as Gone;
  }
  if (value.type === "tuned") {
    if (!isNumber(value.smoothing) || !isNumber(value.lag))
      throw new ProtocolError("A tuned has the numbers smoothing and lag.");
    return value as unknown as Tuned;
  }
  return null;
}

/** The text of a message to the server. */
export function compose(message: ClientText): string {
  return JSON.stringify(message);
}
