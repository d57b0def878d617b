// What the page and its detector's worker say to each other.

/** To the worker: first where the weights are, then a picture a message, which goes with it; time in milliseconds, rising. */
export type ToWorker = { readonly weights: string } | { readonly bitmap: ImageBitmap; readonly time: number; readonly frame: number };

/** From the worker: that it is ready, or why not; then what each picture shows, the picture coming back; null where nobody is seen. */
export type FromWorker =
  | { readonly ready: true }
  | { readonly failed: string }
  | { readonly frame: number; readonly bitmap: ImageBitmap; readonly found: Found | null; readonly took: number };

/** The landmarks in mocap's axes. */
export interface Found {
  /** (n, 2), 0 to 1 over the picture, y down. */
  readonly image: Float32Array;
  /** (n, 3) metres from the middle of the hips: x right in the image, y up, z towards the camera. */
  readonly positions: Float32Array;
  /** (n,) 0 to 1. */
  readonly confidence: Float32Array;
}
