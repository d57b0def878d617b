// Messages between the page and the worker that runs mocap's Python.

export type ToSolver =
  /** The site's address, and the hello that the page has shown. */
  | { readonly start: string; readonly hello: string }
  /** A text or a binary message of `mocap.v1`; each binary one is answered by `taken`. */
  | { readonly text: string }
  | { readonly binary: ArrayBuffer }
  /** A text of `mocap.studio.v1`, with the file of an upload. */
  | { readonly ask: string; readonly file?: ArrayBuffer }
  /** A character that later conversions move; answered by `converted`. */
  | { readonly onto: string; readonly data: ArrayBuffer }
  | {
      readonly convert: string;
      readonly data: ArrayBuffer;
      readonly suffix: string;
      readonly rig: string | null;
    };

/** Finished files by their address. */
type Files = readonly (readonly [string, ArrayBuffer])[];

export type FromSolver =
  /** The worker runs. */
  | { readonly started: true }
  | { readonly loaded: number; readonly total: number; readonly what: string }
  /** Milliseconds of the start, and whether it went on from an earlier visit's image. */
  | { readonly ready: number; readonly resumed: boolean }
  | { readonly failed: string }
  | { readonly warning: string }
  | { readonly stream: string | ArrayBuffer }
  /** Milliseconds that the solver needed. */
  | { readonly taken: number }
  | { readonly answer: string; readonly files: Files }
  | { readonly converted: string; readonly files: Files };
