// Films a take: the part between the marks is played once, and the browser's own encoder records
// what is drawn, with the take's pictures on the left and the avatar on the right.

import type { Player } from "../playback/player";
import type { Stage } from "../stage/stage";
import type { WorkOptions } from "./client";

export interface Film {
  readonly data: Blob;
  /** The file's suffix, without a dot. */
  readonly suffix: string;
}

/** Where what is filmed is drawn. */
export interface Scene {
  readonly stage: Stage | null;
  readonly player: Player;
}

/** Height of the film, pixels; each half is as wide as the picture's aspect ratio wants. */
const HEIGHT = 480;
const WIDE = 16 / 9;
const BITS_PER_SECOND = 6e6;
const FRAMES_PER_SECOND = 30;
/** Milliseconds. */
const LAST_FRAME = 100;
/** MP4 first: it plays everywhere; browsers that cannot write it write WebM. */
const TYPES = [
  ["mp4", "video/mp4;codecs=avc1.42E01F"],
  ["webm", "video/webm;codecs=vp9"],
  ["webm", "video/webm;codecs=vp8"],
] as const;

/** Throws an Error whose message is a sentence if this browser cannot film. */
export async function film(
  { stage, player }: Scene,
  { progress, signal }: WorkOptions,
): Promise<Film> {
  const transport = player.transport;
  const type = globalThis.MediaRecorder && TYPES.find(([, t]) => MediaRecorder.isTypeSupported(t));
  if (!stage || !transport || !type) {
    throw new Error("This browser cannot write a video: use a current Chrome, Edge or Firefox.");
  }
  const [suffix, mimeType] = type;
  const { time, playing, loop, speed, start, end } = transport;
  const pictures = player.pictures;
  const half = even(HEIGHT * (pictures?.aspect ?? WIDE));
  const left = pictures ? half : 0;
  const canvas = canvasOf(left + half);
  const avatar = canvasOf(half);
  const recorder = new MediaRecorder(canvas.captureStream(FRAMES_PER_SECOND), {
    mimeType,
    videoBitsPerSecond: BITS_PER_SECOND,
  });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise<void>((resolve) => {
    recorder.onstop = () => resolve();
  });
  const stop = (): void => {
    if (recorder.state !== "inactive") recorder.stop();
  };
  signal?.addEventListener("abort", stop);
  const backdrop = getComputedStyle(document.body).getPropertyValue("--backdrop");
  let busy = false;
  const compose = async (drawn: HTMLCanvasElement): Promise<void> => {
    if (busy) return;
    busy = true;
    // The avatar is kept while the picture of the same moment is decoded.
    const { time: moment, playing: goesOn } = transport;
    drawAvatar(avatar, drawn, backdrop);
    const picture = await (pictures?.decode(pictures.at(moment)) ?? null);
    const pen = canvas.getContext("2d")!;
    if (picture) pen.drawImage(picture, 0, 0, left, HEIGHT);
    pen.drawImage(avatar, left, 0);
    picture?.close();
    progress?.((moment - start) / Math.max(end - start, 1e-3));
    busy = !goesOn;
    // The encoder takes the last frame a moment later.
    if (!goesOn) window.setTimeout(stop, LAST_FRAME);
  };
  Object.assign(transport, { time: start, playing: true, loop: false, speed: 1 });
  stage.onDrawn = (drawn) => void compose(drawn);
  recorder.start();
  try {
    await ended;
  } finally {
    stage.onDrawn = null;
    signal?.removeEventListener("abort", stop);
    Object.assign(transport, { time, playing, loop, speed });
  }
  signal?.throwIfAborted();
  return { data: new Blob(parts, { type: mimeType }), suffix };
}

/** Encoders want even widths. */
const even = (width: number): number => 2 * Math.round(width / 2);

function canvasOf(width: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  return Object.assign(canvas, { width, height: HEIGHT });
}

/** Draws the stage at its full height; its middle where it is wider than the canvas. */
function drawAvatar(canvas: HTMLCanvasElement, drawn: HTMLCanvasElement, backdrop: string): void {
  const pen = canvas.getContext("2d")!;
  pen.fillStyle = backdrop;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const width = (drawn.width * HEIGHT) / drawn.height;
  pen.drawImage(drawn, (canvas.width - width) / 2, 0, width, HEIGHT);
}
