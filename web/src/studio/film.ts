// Films a take: the part between the marks is drawn frame by frame at the take's own rate and
// encoded, with the take's pictures on the left and the avatar on the right, or the avatar over the
// pictures. The speed of drawing does not matter: each frame's timestamp is its time in the take.

import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  WebMOutputFormat,
} from "mediabunny";

import type { LiveStream } from "../live";
import type { Player } from "../playback/player";
import type { Guests } from "../stage/guests";
import type { Performer } from "../stage/performer";
import type { Stage } from "../stage/stage";
import { lockControls } from "../ui/controls";
import type { View } from "../view";
import type { WorkOptions } from "./client";

export interface Film {
  readonly data: Blob;
  /** The file's suffix, without a dot. */
  readonly suffix: string;
  /** How many of the take's pictures turned out to be damaged. */
  readonly damaged: number;
}

/** Where what is filmed is drawn. */
export interface Scene {
  readonly stage: Stage | null;
  readonly performer: Performer;
  readonly guests: Guests;
  readonly player: Player;
  readonly live: LiveStream;
  readonly view: View;
}

/** Height of the film, pixels; each half is as wide as the picture's aspect ratio wants. */
const HEIGHT = 480;
const WIDE = 16 / 9;
const BITS_PER_SECOND = 6e6;
const RATES = { lowest: 5, highest: 120 };
/** Seconds between two key frames: a player seeks to these. */
const KEY_FRAMES = 1;

/**
 * Films as the page shows it when the film begins; the controls rest until it is complete.
 *
 * @throws Error whose message is a sentence if this browser cannot film.
 */
export async function film(scene: Scene, { progress, signal }: WorkOptions): Promise<Film> {
  const { stage, player } = scene;
  const transport = player.transport;
  const pictures = player.pictures;
  const half = even(HEIGHT * (pictures?.source.aspect ?? WIDE));
  const over = player.overlaid;
  const left = pictures && !over ? half : 0;
  const rate = rateOf(player.times);
  const canvas = canvasOf(left + half);
  const writer = await filmWriter(canvas, rate);
  if (!stage || !transport || !writer) {
    throw new Error("This browser cannot write a video: use a current Chrome, Edge or Firefox.");
  }
  const { time, playing, loop, start, end } = transport;
  const behind = over ? null : backdrop();
  const pen = canvas.getContext("2d")!;
  const count = Math.round((end - start) * rate) + 1;
  Object.assign(transport, { playing: false, loop: false });
  try {
    player.filmed = true;
    lockControls(true);
    stage.onDrawn = (drawn) => drawAvatar(pen, left, drawn, behind);
    // As sharp as the film, however small the window is.
    stage.resize(half, HEIGHT);
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted();
      if (player.transport !== transport) {
        throw new Error("The take was closed before its film was complete.");
      }
      transport.time = nearest(player.times, Math.min(start + index / rate, end));
      await drawPicture(pen, over ? half : left, scene, transport.time);
      drawMoment(scene, index ? 1 / rate : 0);
      await writer.add(index / rate, 1 / rate);
      progress?.((index + 1) / count);
    }
    return { ...(await writer.finish()), damaged: pictures?.damaged.size ?? 0 };
  } catch (error) {
    await writer.cancel();
    throw error;
  } finally {
    stage.onDrawn = null;
    scene.view.fit();
    player.filmed = false;
    lockControls(false);
    Object.assign(transport, { time, playing, loop });
  }
}

interface FilmWriter {
  /** Encodes the canvas. Both times are in seconds. */
  add(timestamp: number, duration: number): Promise<void>;
  cancel(): Promise<void>;
  finish(): Promise<Omit<Film, "damaged">>;
}

/** The writer of the canvas; null if this browser encodes none of the codecs. */
async function filmWriter(canvas: HTMLCanvasElement, rate: number): Promise<FilmWriter | null> {
  const { width, height } = canvas;
  // MP4 first: it plays everywhere; browsers that cannot encode H.264 write WebM.
  const codec = await getFirstEncodableVideoCodec(["avc", "vp9", "vp8"], {
    width,
    height,
    bitrate: BITS_PER_SECOND,
  });
  if (!codec) return null;
  const suffix = codec === "avc" ? "mp4" : "webm";
  const format = codec === "avc" ? new Mp4OutputFormat() : new WebMOutputFormat();
  const target = new BufferTarget();
  const output = new Output({ format, target });
  const source = new CanvasSource(canvas, {
    codec,
    bitrate: BITS_PER_SECOND,
    keyFrameInterval: KEY_FRAMES,
  });
  output.addVideoTrack(source, { frameRate: rate });
  await output.start();
  return {
    add: (timestamp, duration) => source.add(timestamp, duration),
    cancel: () => output.cancel(),
    finish: async () => {
      await output.finalize();
      return { data: new Blob([target.buffer!], { type: `video/${suffix}` }), suffix };
    },
  };
}

/** Draws the transport's moment. elapsed: seconds of the film, by which hair and cloth move. */
function drawMoment(scene: Scene, elapsed: number): void {
  const { stage, performer, guests, player, live, view } = scene;
  const now = performance.now() / 1000;
  const pose = player.advance(0, now);
  if (pose) performer.pose(pose);
  if (live.hello) guests.apply(live.hello, view.mirrored, now);
  performer.update(elapsed);
  guests.update(elapsed);
  stage!.look(player.camera(performer.fit, view.mirrored));
  stage!.draw(performer.hips(), performer.avatar?.nearGround() ?? [], elapsed, false);
}

/** Draws the picture of a moment, or the whole one before it; the background without any. */
async function drawPicture(
  pen: CanvasRenderingContext2D,
  width: number,
  { player, view }: Scene,
  time: number,
): Promise<void> {
  const picture = (await player.pictures?.picture(time)) ?? null;
  player.showsPicture(picture);
  if (picture) {
    if (player.overlaid && view.mirrored) pen.setTransform(-1, 0, 0, 1, width, 0);
    pen.drawImage(picture.bitmap, 0, 0, width, HEIGHT);
    pen.resetTransform();
    picture.bitmap.close();
  } else {
    pen.fillStyle = backdrop();
    pen.fillRect(0, 0, width, HEIGHT);
  }
}

const backdrop = (): string => getComputedStyle(document.body).getPropertyValue("--backdrop");

/** Frames per second of a take: those of its usual frame, whole where they are nearly so. */
function rateOf(times: readonly number[]): number {
  const steps = times.slice(1).map((time, i) => time - times[i]!);
  const usual = steps.sort((a, b) => a - b)[steps.length >> 1];
  if (!usual) return 30;
  const rate = Math.min(Math.max(1 / usual, RATES.lowest), RATES.highest);
  return Math.abs(rate - Math.round(rate)) < 0.02 * rate ? Math.round(rate) : rate;
}

/** The frame's own time that is nearest to a time. */
function nearest(times: readonly number[], time: number): number {
  const after = times.findIndex((t) => t >= time);
  if (after <= 0) return times[after === 0 ? 0 : times.length - 1]!;
  const [a, b] = [times[after - 1]!, times[after]!];
  return time - a < b - time ? a : b;
}

/** Encoders want even widths. */
const even = (width: number): number => 2 * Math.round(width / 2);

function canvasOf(width: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  return Object.assign(canvas, { width, height: HEIGHT });
}

/**
 * Draws the stage at its full height right of `left`; its middle where it is wider than that.
 *
 * @param backdrop What is behind the avatar; null for the picture.
 */
function drawAvatar(
  pen: CanvasRenderingContext2D,
  left: number,
  drawn: HTMLCanvasElement,
  backdrop: string | null,
): void {
  const room = pen.canvas.width - left;
  if (backdrop !== null) {
    pen.fillStyle = backdrop;
    pen.fillRect(left, 0, room, HEIGHT);
  }
  const width = Math.min(drawn.width, (room * drawn.height) / HEIGHT);
  const shown = (width * HEIGHT) / drawn.height;
  const from = (drawn.width - width) / 2;
  pen.drawImage(drawn, from, 0, width, drawn.height, left + (room - shown) / 2, 0, shown, HEIGHT);
}
