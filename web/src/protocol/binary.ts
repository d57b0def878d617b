// The binary messages of the WebSocket subprotocol `mocap.v1`: bytes to values and back, without
// a socket. mocap/stream/protocol.py is the Python side; the golden files in tests/data hold both.
//
// Messages are little-endian. The header has 24 bytes, so that the data begins on a multiple of 8
// and is viewed, not copied:
//   u16 kind, u16 subject, u32 frame, f64 time (source seconds), f64 clock (server's monotonic
//   seconds at the frame's arrival)
//   kind 1, pose       f32 root[3], rotations[4 J] (xyzw, local), weights[E]
//   kind 2, keypoints  f32 image[2 n] (0 to 1, y down, NaN = not seen), positions[3 n] (metres),
//                      confidence[n]
//   kind 3, picture    the bytes of a JPEG
//   kind 4, face       f32 transform[16] (rows), points[3 · 478], blendshapes[0 or 51]; only the
//                      page sends it

const HEADER = 24;
export const POSE = 1;
export const KEYPOINTS = 2;
export const PICTURE = 3;
export const FACE = 4;
const FACE_FLOATS = 16 + 3 * 478;

/** The header of each binary message. */
export interface FrameHeader {
  /** Which performer the message is about; 0 is the first. */
  readonly subject: number;
  readonly frame: number;
  /** Seconds of the source. */
  readonly time: number;
  /** The server's monotonic seconds when the source's frame arrived. */
  readonly clock: number;
}

export interface PoseMessage extends FrameHeader {
  readonly kind: typeof POSE;
  /** World position of the hips, metres. */
  readonly root: Float32Array;
  /** (J, 4) xyzw, local to the parent, in the order of the skeleton's names. */
  readonly rotations: Float32Array;
  /** (E,) in the order of the hello's expressions. */
  readonly weights: Float32Array;
}

export interface KeypointsMessage extends FrameHeader {
  readonly kind: typeof KEYPOINTS;
  /** (n, 2), 0 to 1 over the picture, y down; NaN where not seen. */
  readonly image: Float32Array;
  /** (n, 3) metres. */
  readonly positions: Float32Array;
  /** (n,) 0 to 1. */
  readonly confidence: Float32Array;
}

export interface PictureMessage extends FrameHeader {
  readonly kind: typeof PICTURE;
  readonly jpeg: Uint8Array;
}

export interface FaceMessage extends FrameHeader {
  readonly kind: typeof FACE;
  /** (4, 4) by rows: from MediaPipe's canonical face to the camera, metres; x right, y up. */
  readonly transform: Float32Array;
  /** (478, 3): x and y 0 to 1 over the picture, y down; z in x's unit, away from the camera. */
  readonly points: Float32Array;
  /** (51,) in the network's order, or empty. */
  readonly blendshapes: Float32Array;
}

export type BinaryMessage = PoseMessage | KeypointsMessage | PictureMessage | FaceMessage;

/** A message that does not follow this protocol or its version; `message` is shown on the page. */
export class ProtocolError extends Error {}

/**
 * Decodes a binary message without copying it.
 *
 * @param joints The number of joints of the hello's skeleton.
 * @throws ProtocolError if the length or the kind is wrong.
 */
export function decode(buffer: ArrayBuffer, joints: number): BinaryMessage {
  if (buffer.byteLength < HEADER) {
    throw new ProtocolError(
      `A binary message has at least ${HEADER} bytes, but this one has ${buffer.byteLength}.`,
    );
  }
  const view = new DataView(buffer);
  const kind = view.getUint16(0, true);
  const header: FrameHeader = {
    subject: view.getUint16(2, true),
    frame: view.getUint32(4, true),
    time: view.getFloat64(8, true),
    clock: view.getFloat64(16, true),
  };
  if (kind === PICTURE) return { kind, ...header, jpeg: new Uint8Array(buffer, HEADER) };
  const bytes = buffer.byteLength - HEADER;
  const data = bytes % 4 === 0 ? new Float32Array(buffer, HEADER) : null;
  if (kind === POSE) return { kind, ...header, ...poseData(data, bytes, joints) };
  if (kind === KEYPOINTS) return { kind, ...header, ...keypointsData(data, bytes) };
  if (kind === FACE) return { kind, ...header, ...faceData(data, bytes) };
  throw new ProtocolError(`The kind of a binary message is 1 to 4, but this one's is ${kind}.`);
}

function poseData(data: Float32Array | null, bytes: number, joints: number) {
  const end = 3 + 4 * joints;
  if (!data || data.length < end) {
    throw new ProtocolError(
      `A pose of ${joints} joints has at least ${4 * end} bytes of data, but this has ${bytes}.`,
    );
  }
  return {
    root: data.subarray(0, 3),
    rotations: data.subarray(3, end),
    weights: data.subarray(end),
  };
}

function keypointsData(data: Float32Array | null, bytes: number) {
  if (!data || data.length % 6 !== 0) {
    throw new ProtocolError(
      `Keypoints have 24 bytes a landmark, but this message has ${bytes} bytes of data.`,
    );
  }
  const n = data.length / 6;
  return {
    image: data.subarray(0, 2 * n),
    positions: data.subarray(2 * n, 5 * n),
    confidence: data.subarray(5 * n),
  };
}

function faceData(data: Float32Array | null, bytes: number) {
  if (!data || data.length < FACE_FLOATS) {
    throw new ProtocolError(
      `A face has at least ${4 * FACE_FLOATS} bytes of data, but this one has ${bytes}.`,
    );
  }
  return {
    transform: data.subarray(0, 16),
    points: data.subarray(16, FACE_FLOATS),
    blendshapes: data.subarray(FACE_FLOATS),
  };
}

/** The parts of a message's data, in the order of the bytes. */
function parts(message: BinaryMessage): readonly ArrayBufferView[] {
  switch (message.kind) {
    case POSE:
      return [message.root, message.rotations, message.weights];
    case KEYPOINTS:
      return [message.image, message.positions, message.confidence];
    case FACE:
      return [message.transform, message.points, message.blendshapes];
    case PICTURE:
      return [message.jpeg];
  }
}

/** Encodes a binary message; the inverse of `decode`. */
export function encode(message: BinaryMessage): ArrayBuffer {
  const data = parts(message);
  const buffer = new ArrayBuffer(HEADER + data.reduce((sum, part) => sum + part.byteLength, 0));
  const view = new DataView(buffer);
  view.setUint16(0, message.kind, true);
  view.setUint16(2, message.subject, true);
  view.setUint32(4, message.frame, true);
  view.setFloat64(8, message.time, true);
  view.setFloat64(16, message.clock, true);
  let at = HEADER;
  for (const part of data) {
    new Uint8Array(buffer, at).set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    at += part.byteLength;
  }
  return buffer;
}
