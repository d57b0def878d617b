// A video file as a take: every frame is detected and solved, recorded in the browser's storage,
// and the take is opened baked.

import { unsupported } from "../camera/camera";
import type { FromWorker } from "../camera/messages";
import type { ViewerPage } from "../main";
import { encode, FACE, KEYPOINTS } from "../protocol/binary";
import { transport } from "../transport";
import { reasonOf } from "../ui/dom";
import type { LocalTransport } from "./local";

const BODY = 33;
/** Seconds that are played to measure the rate of the frames. */
const LISTEN = 0.7;
/** Seconds after which a seek counts as ended without a new frame. */
const PATIENCE = 3;

/** Bakes a video file. Throws an Error whose message is a sentence. */
export async function bakeVideo(
  file: File,
  local: LocalTransport,
  page: ViewerPage,
): Promise<void> {
  const reason = unsupported();
  if (reason) throw new Error(reason);
  const { messages } = page;
  const say = (sentence: string): void => messages.say("bake", "info", sentence);
  say(`Opening ${file.name}…`);
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.src = URL.createObjectURL(file);
  const detector = new Detector();
  try {
    await opened(video, file.name);
    const step = await frameStep(video);
    say("Loading the detector…");
    await detector.open();
    const { videoWidth: width, videoHeight: height, duration } = video;
    const camera = JSON.stringify({ type: "camera", name: file.name, width, height });
    await page.studio.ask("record", { on: true });
    await local.solved([camera]);
    let frames = 0;
    let seen = 0;
    let last = -1;
    for (let at = 0; at < duration; ) {
      const time = await seek(video, at);
      if (time <= last) {
        at += step / 2; // the same frame again: rates may vary
        continue;
      }
      seen += (await frame(video, time, frames++, detector, local)) ? 1 : 0;
      last = time;
      say(`Detecting ${file.name}: ${Math.round((100 * time) / duration)} %`);
      at = time + 1.5 * step; // the middle of the next frame
    }
    const { take } = await page.studio.ask("record", { on: false });
    if (!seen) throw new Error(`No person was found in ${file.name}.`);
    messages.clear("bake");
    const name = await renamed(page, take, file.name);
    await page.openTake(name);
  } catch (error) {
    await page.studio.ask("record", { on: false }).catch(() => undefined);
    throw error;
  } finally {
    detector.close();
    URL.revokeObjectURL(video.src);
  }
}

async function opened(video: HTMLVideoElement, name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    video.onloadeddata = () => resolve();
    video.onerror = () =>
      reject(
        new Error(
          `This browser cannot play ${name}: convert it to MP4 (H.264) or WebM, or use ` +
            "`mocap bake`, which reads more kinds of video.",
        ),
      );
  });
  if (!Number.isFinite(video.duration)) {
    // A recording of a browser has no length until its end has been read.
    video.currentTime = Number.MAX_SAFE_INTEGER;
    await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  }
}

/** Seconds between two frames, measured over the first ones. */
async function frameStep(video: HTMLVideoElement): Promise<number> {
  const times: number[] = [];
  const listen = (_: number, { mediaTime }: { mediaTime: number }): void => {
    times.push(mediaTime);
    video.requestVideoFrameCallback(listen);
  };
  video.requestVideoFrameCallback(listen);
  await video.play();
  await new Promise((resolve) => window.setTimeout(resolve, 1000 * LISTEN));
  video.pause();
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  const real = gaps.filter((gap) => gap > 0.004);
  return real.length ? Math.min(...real) : 1 / 30;
}

/** Shows the frame at a time; returns when it begins, seconds. */
async function seek(video: HTMLVideoElement, to: number): Promise<number> {
  return new Promise((resolve) => {
    const late = window.setTimeout(() => resolve(to), 1000 * PATIENCE);
    video.requestVideoFrameCallback((_, { mediaTime }) => {
      window.clearTimeout(late);
      resolve(mediaTime);
    });
    video.currentTime = to;
  });
}

/** Detects and solves the shown frame; returns whether a person is seen. */
async function frame(
  video: HTMLVideoElement,
  time: number,
  number: number,
  detector: Detector,
  local: LocalTransport,
): Promise<boolean> {
  const found = await detector.detect(await createImageBitmap(video), 1000 * time, number);
  const header = { subject: 0, frame: number, time, clock: performance.now() / 1000 };
  const { face, ...body } = found ?? {
    image: new Float32Array(2 * BODY).fill(NaN),
    positions: new Float32Array(3 * BODY).fill(NaN),
    confidence: new Float32Array(BODY),
    face: null,
  };
  const sent = face ? [encode({ kind: FACE, ...header, ...face })] : [];
  await local.solved([...sent, encode({ kind: KEYPOINTS, ...header, ...body })]);
  return found !== null;
}

async function renamed(page: ViewerPage, take: string, file: string): Promise<string> {
  const plain = file.replace(/\.[^.]*$/, "").replace(/[^\w()[\]+,'&!# .-]/g, "_");
  for (const to of [plain, `${plain} ${take}`]) {
    try {
      return (await page.studio.ask("rename", { take, to: to.slice(0, 80) })).take;
    } catch {
      // There is one of that name.
    }
  }
  return take;
}

type Answer = Extract<FromWorker, { bitmap: ImageBitmap }>;

/** The detector of the page's camera, one picture at a time. */
class Detector {
  private readonly worker = new Worker(new URL("../camera/worker.ts", import.meta.url), {
    type: "module",
  });
  private answered: ((message: FromWorker) => void) | null = null;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answered?.(data);
    this.worker.onerror = () => this.answered?.({ failed: "it could not be started" });
  }

  async open(): Promise<void> {
    await this.ask({ models: transport.models() });
  }

  async detect(bitmap: ImageBitmap, time: number, frame: number): Promise<Answer["found"]> {
    const answer = (await this.ask({ bitmap, time, frame }, [bitmap])) as Answer;
    answer.bitmap.close();
    return answer.found;
  }

  close(): void {
    this.worker.terminate();
  }

  private async ask(message: unknown, transfer: Transferable[] = []): Promise<FromWorker> {
    const answer = await new Promise<FromWorker>((resolve) => {
      this.answered = resolve;
      this.worker.postMessage(message, transfer);
    });
    if ("failed" in answer) throw new Error(`The detector failed: ${reasonOf(answer.failed)}.`);
    return answer;
  }
}
