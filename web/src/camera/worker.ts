// The detector of the page's own camera, in a worker so that the page goes on drawing: MediaPipe's PoseLandmarker, pictures in, landmarks
// in mocap's axes out. In the browser this is the one place that knows the detector's axes (mocap/detect/mediapipe.py is Python's).

import { PoseLandmarker } from "@mediapipe/tasks-vision";
import loader from "@mediapipe/tasks-vision/vision_wasm_module_internal.js?url";
import binary from "@mediapipe/tasks-vision/vision_wasm_module_internal.wasm?url";

import type { Found, FromWorker, ToWorker } from "./messages";

/** As mocap/detect/mediapipe.py, which says why. */
const SURE = 0.65;

let landmarker: PoseLandmarker | null = null;

const say = (message: FromWorker, transfer: Transferable[] = []): void => self.postMessage(message, { transfer });

async function open(weights: string): Promise<void> {
  const answer = await fetch(weights);
  if (!answer.ok) throw new Error(`the server answers ${answer.status} to ${weights}`);
  landmarker = await PoseLandmarker.createFromOptions(
    { wasmLoaderPath: new URL(loader, self.location.href).href, wasmBinaryPath: new URL(binary, self.location.href).href },
    {
      baseOptions: { modelAssetBuffer: new Uint8Array(await answer.arrayBuffer()), delegate: "CPU" },
      runningMode: "VIDEO",
      numPoses: 1,
      minPoseDetectionConfidence: SURE,
    },
  );
}

/** The first person's landmarks: MediaPipe's y points down and its z away from the camera, ours up and towards it. */
function found(bitmap: ImageBitmap, time: number): Found | null {
  let out: Found | null = null;
  landmarker!.detectForVideo(bitmap, time, ({ landmarks, worldLandmarks }) => {
    const [points, world] = [landmarks[0], worldLandmarks[0]];
    if (!points || !world) return;
    const made = { image: new Float32Array(2 * points.length), positions: new Float32Array(3 * points.length), confidence: new Float32Array(points.length) };
    points.forEach(({ x, y, visibility }, i) => {
      made.image.set([x, y], 2 * i);
      made.confidence[i] = visibility ?? 1;
    });
    world.forEach(({ x, y, z }, i) => made.positions.set([x, -y, -z], 3 * i));
    out = made;
  });
  return out;
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  if ("weights" in data) {
    open(data.weights).then(
      () => say({ ready: true }),
      (error: unknown) => say({ failed: error instanceof Error ? error.message : String(error) }),
    );
    return;
  }
  const begun = performance.now();
  try {
    const seen = found(data.bitmap, data.time);
    say({ frame: data.frame, bitmap: data.bitmap, found: seen, took: performance.now() - begun }, [data.bitmap]);
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
};
