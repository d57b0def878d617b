// Messages between the page and the worker that runs the detector.

import type { FaceMessage, KeypointsMessage } from "../protocol/binary";

/** A point of the picture: x and y, 0 to 1, y down. */
export type PicturePoint = readonly [number, number];

/**
 * To the worker: first the address of the models; then pictures, with times in rising milliseconds,
 * which are transferred; whom to follow: the person at a point, or the next one (null); and how
 * often to tick, milliseconds: a worker's clock goes on while the browser shows another window.
 */
export type ToWorker =
  | { readonly models: string }
  | { readonly follow: PicturePoint | null }
  | { readonly tick: number }
  | { readonly bitmap: ImageBitmap; readonly time: number; readonly frame: number };

/** From the worker: that it is ready or has failed; then its ticks, and what each picture shows. */
export type FromWorker =
  | { readonly ready: true }
  | { readonly failed: string }
  | { readonly tick: true }
  | {
      readonly frame: number;
      /** The picture, transferred back. */
      readonly bitmap: ImageBitmap;
      /** Null where no person is seen. */
      readonly found: Detection | null;
      /** Milliseconds of detection. */
      readonly took: number;
    };

/** The contents of index.json beside the models. */
export interface ModelIndex {
  readonly models: readonly string[];
  /** Which person to follow, counted from the left from 1; null for the most prominent. */
  readonly person: number | null;
  /** The address of each model, relative to the folder; without it NAME.task in the folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** The address of a picture of a person, in which the detector rehearses. */
  readonly known?: string;
}

/**
 * The landmarks of a picture in mocap's axes: the body's 33 and, where hands are detected, 21 of
 * each hand; NaN where nothing is seen. Units as in KeypointsMessage; the confidence of a hand is
 * how surely it is a left one.
 */
export interface Detection extends Pick<KeypointsMessage, "image" | "positions" | "confidence"> {
  readonly face?: DetectedFace | null;
}

export type DetectedFace = Pick<FaceMessage, "points" | "transform" | "blendshapes">;
