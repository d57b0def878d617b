// What the page and its detector's worker say to each other.

/** To the worker: first where the weights are, then a picture a message, which goes with it; time in milliseconds, rising. Between them, that
 * another one of the people in view is to be followed. */
export type ToWorker =
  | { readonly models: string }
  | { readonly next: true }
  | { readonly bitmap: ImageBitmap; readonly time: number; readonly frame: number };

/** What index.json beside the weights says (mocap/live/cameras.py): which there are, and whom of several people to follow, counted from the
 * left from 1. */
export interface Index {
  readonly models: readonly string[];
  readonly person: number | null;
}

/** From the worker: that it is ready, or why not; then what each picture shows, the picture coming back; null where nobody is seen. */
export type FromWorker =
  | { readonly ready: true }
  | { readonly failed: string }
  | {
      readonly frame: number;
      readonly bitmap: ImageBitmap;
      readonly found: Found | null;
      readonly took: number;
    };

/** The landmarks in mocap's axes: the body's 33, and where hands are looked for 21 of what is about each wrist; NaN where nothing is. */
export interface Found {
  /** (n, 2), 0 to 1 over the picture, y down. */
  readonly image: Float32Array;
  /** (n, 3) metres from the middle of the hips, a hand's from its own wrist: x right in the image, y up, z towards the camera. */
  readonly positions: Float32Array;
  /** (n,) 0 to 1; of a hand, how surely it is a left one. */
  readonly confidence: Float32Array;
  readonly face?: FoundFace | null;
}

/** As protocol.ts's Face. */
export interface FoundFace {
  readonly points: Float32Array;
  readonly transform: Float32Array;
  readonly blendshapes: Float32Array;
}
