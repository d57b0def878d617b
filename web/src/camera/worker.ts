// The detector of the page's own camera, in a worker so that the page can draw meanwhile: pictures
// in, landmarks in mocap's axes out. In the browser this is the only module that knows MediaPipe's
// axes.

import {
  FaceLandmarker,
  HandLandmarker,
  PoseLandmarker,
  type PoseLandmarkerOptions,
} from "@mediapipe/tasks-vision";
import loader from "@mediapipe/tasks-vision/vision_wasm_module_internal.js?url";
import binary from "@mediapipe/tasks-vision/vision_wasm_module_internal.wasm?url";

import { BodyDetector } from "./body";
import { aroundHand, aroundHead, type BodyPoints, inWholePicture, isOwn } from "./crops";
import type { DetectedFace, Detection, FromWorker, ModelIndex, ToWorker } from "./messages";
import { PartCanvas } from "./part";
import { pixelCanvas } from "./pixels";
import { RULES } from "./small";

/** The most people that are looked for; as in Python. */
const PEOPLE = 6;
const BODY = 33;
const HAND = 21;
/** Milliseconds between crops for MediaPipe, which needs rising times and smooths faces by them. */
const STEP = 33;
/** Above this time a picture (milliseconds), left hand, right hand and face take turns. */
const SLOW = 90;

let detector: BodyDetector | null = null;
let hands: HandLandmarker[] = [];
let face: FaceLandmarker | null = null;
let clock = 0;
let took = 0;
let turn = 0;
const part = new PartCanvas();

const say = (message: FromWorker, transfer: Transferable[] = []): void =>
  self.postMessage(message, { transfer });

async function load(address: string): Promise<Response> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the server answers ${answer.status} to ${address}`);
  return answer;
}

let making: Promise<unknown> = Promise.resolve();

/** Makes detectors one after another, as each takes MediaPipe's loader from `self`. */
function inTurn<T>(make: () => Promise<T>): Promise<T> {
  const made = making.then(make);
  making = made.catch(() => undefined);
  return made;
}

async function open(models: string): Promise<void> {
  const index = (await (await load(`${models}index.json`)).json()) as ModelIndex;
  // MediaPipe imports its loader for each detector and forgets the result; a module runs only once.
  const { default: factory } = (await import(
    /* @vite-ignore */ new URL(loader, self.location.href).href
  )) as { default: unknown };
  const wasm = { wasmLoaderPath: "", wasmBinaryPath: new URL(binary, self.location.href).href };
  const options = async (name: string) => {
    const modelAssetBuffer = new Uint8Array(
      await (await load(new URL(index.files?.[name] ?? `${name}.task`, models).href)).arrayBuffer(),
    );
    Object.assign(self, { ModuleFactory: factory });
    return {
      baseOptions: { modelAssetBuffer, delegate: "CPU" as const },
      canvas: pixelCanvas(),
      runningMode: "VIDEO" as const,
    };
  };
  const pose = await PoseLandmarker.createFromOptions(wasm, {
    ...(await options("pose")),
    numPoses: 1,
    minPoseDetectionConfidence: RULES.checked,
  });
  const more = (given: PoseLandmarkerOptions) =>
    inTurn(async () =>
      PoseLandmarker.createFromOptions(wasm, { ...(await options("pose")), ...given }),
    );
  const make = {
    finder: () => more({ runningMode: "IMAGE", numPoses: PEOPLE }),
    small: async () => ({
      tiles: await more({
        runningMode: "IMAGE",
        minPoseDetectionConfidence: RULES.confidence,
      }),
      follower: await more({}),
    }),
  };
  if (index.known) await rehearse(pose, new URL(index.known, models).href);
  detector = await BodyDetector.open(pose, make, index.person);
  if (index.models.includes("hand")) {
    hands = [
      await HandLandmarker.createFromOptions(wasm, await options("hand")),
      await HandLandmarker.createFromOptions(wasm, await options("hand")),
    ];
  }
  if (index.models.includes("face")) {
    const also = { outputFacialTransformationMatrixes: true, outputFaceBlendshapes: true };
    face = await FaceLandmarker.createFromOptions(wasm, { ...(await options("face")), ...also });
  }
}

/** Detects a known person, so that the camera's first picture finds all code compiled. */
async function rehearse(pose: PoseLandmarker, address: string): Promise<void> {
  const picture = await createImageBitmap(await (await load(address)).blob());
  pose.detectForVideo(picture, 1);
  pose.detectForVideo(part.black(picture.width, picture.height), 2); // which makes it forget
  picture.close();
}

/** The person's landmarks. MediaPipe's y and z point down and away from the camera; ours do not. */
function found(bitmap: ImageBitmap, time: number): Detection | null {
  const person = detector!.detect(bitmap, time);
  if (!person) return null;
  const { points, world, pixels } = person;
  const count = hands.length ? BODY + 2 * HAND : BODY;
  const made = {
    image: new Float32Array(2 * count).fill(NaN),
    positions: new Float32Array(3 * count).fill(NaN),
    confidence: new Float32Array(count),
  };
  points.forEach(({ x, y, visibility }, i) => {
    made.image.set([x, y], 2 * i);
    made.confidence[i] = visibility ?? 1;
  });
  world.forEach(({ x, y, z }, i) => made.positions.set([x, -y, -z], 3 * i));
  const body: BodyPoints = { pixels, positions: made.positions };
  clock += STEP;
  const slow = took > SLOW;
  turn = (turn + 1) % 3;
  hands.forEach((_, side) => (!slow || turn === side) && handOf(bitmap, body, side as 0 | 1, made));
  return { ...made, face: face && (!slow || turn === 2) ? faceOf(bitmap, body) : null };
}

/** Adds the hand near a wrist, if one is found, after the body's landmarks. */
function handOf(bitmap: ImageBitmap, body: BodyPoints, side: 0 | 1, made: Detection): void {
  const { width, height } = bitmap;
  const crop = aroundHand(body, side, width, height);
  if (!crop) return;
  const { landmarks, worldLandmarks, handedness } = hands[side]!.detectForVideo(
    part.square(bitmap, crop),
    clock,
  );
  const [points, world, called] = [landmarks[0], worldLandmarks[0], handedness[0]?.[0]];
  if (!points || !world || !called) return;
  const left = called.categoryName === "Left" ? called.score : 1 - called.score;
  const wrist = world[0]!;
  points.forEach(({ x, y }, i) => {
    const at = BODY + side * HAND + i;
    made.image.set([(crop.x + x * crop.side) / width, (crop.y + y * crop.side) / height], 2 * at);
    const { x: px, y: py, z: pz } = world[i]!;
    made.positions.set([px - wrist.x, wrist.y - py, wrist.z - pz], 3 * at);
    made.confidence[at] = left;
  });
}

function faceOf(bitmap: ImageBitmap, body: BodyPoints): DetectedFace | null {
  const { width, height } = bitmap;
  const crop = aroundHead(body, width, height);
  if (!crop) return null;
  const { faceLandmarks, facialTransformationMatrixes, faceBlendshapes } = face!.detectForVideo(
    part.square(bitmap, crop),
    clock,
  );
  const [mesh, matrix] = [faceLandmarks[0], facialTransformationMatrixes[0]];
  if (!mesh || !matrix || !isOwn(mesh)) return null;
  const points = new Float32Array(3 * mesh.length);
  mesh.forEach(({ x, y, z }, i) => {
    points.set(
      [
        (crop.x + x * crop.side) / width,
        (crop.y + y * crop.side) / height,
        (z * crop.side) / width,
      ],
      3 * i,
    );
  });
  const told =
    faceBlendshapes[0]?.categories.filter(({ categoryName }) => categoryName !== "_neutral") ?? [];
  const blendshapes = new Float32Array(told.map(({ score }) => score));
  return { points, transform: inWholePicture(matrix.data, crop, width, height), blendshapes };
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  if ("models" in data) {
    open(data.models).then(
      () => say({ ready: true }),
      (error: unknown) => say({ failed: error instanceof Error ? error.message : String(error) }),
    );
    return;
  }
  if ("tick" in data) return void setInterval(() => say({ tick: true }), data.tick);
  if ("follow" in data) return void detector?.follow(data.follow);
  const begun = performance.now();
  try {
    const seen = found(data.bitmap, data.time);
    const now = performance.now() - begun;
    took += 0.2 * (now - took);
    say({ frame: data.frame, bitmap: data.bitmap, found: seen, took: now }, [data.bitmap]);
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
};
