// The worker that runs mocap's own Python (mocap/page) in Pyodide, in the server's place.

import type { PyodideAPI } from "pyodide";

import { type Core, startPython } from "./image";
import type { FromSolver, ToSolver } from "./messages";
import { type Matrix, matrices } from "./product";
import { type RefineKernels, refineKernels } from "./refine";
import { TakeStore } from "./takes";

/** The contents of python/files.json, which the build writes. */
interface Manifest {
  /** Bytes of each file. */
  readonly sizes: Readonly<Record<string, number>>;
  /** The files that the loading bar counts. */
  readonly start: readonly string[];
  /** The packages' files. */
  readonly packages: string;
  /** Python's memory after its start, for later visits. */
  readonly memory: string;
  /** The kernel of the lifter's matrix products. */
  readonly product: string;
  /** The kernels of the bake's optimiser. */
  readonly refine: string;
}

type Proxy = { destroy(): void };
interface Page {
  text(message: string): void;
  binary(data: Uint8Array): void;
  ask(text: string, data?: Uint8Array): void;
  convert(name: string, data: Uint8Array, suffix: string, rig?: string): string;
  onto(name: string, data: Uint8Array): string;
  file(address: string): Uint8Array | null;
  recording(): string;
}

const TAKES = "/takes";
/** Milliseconds between two writes of the take that is being recorded. */
const KEEP_EVERY = 500;
/** Milliseconds between two changes of the loading bar. */
const SAY_EVERY = 250;
const LONG = new Set(["open", "export", "upload", "remap"]);
const GLUE = `
import gc

gc.disable()  # what the start makes stays
from mocap.page.boot import Page
from pyodide.ffi import to_js

def start(hello, folder, stream, studio):
    page = Page(hello, folder, lambda m: stream(m if isinstance(m, str) else to_js(m)), studio)

    class Calls:
        text = staticmethod(page.text)
        recording = staticmethod(page.recording)
        binary = staticmethod(lambda data: page.binary(data.to_bytes()))
        ask = staticmethod(lambda t, d=None: page.ask(t, b"" if d is None else d.to_bytes()))
        onto = staticmethod(lambda n, d: page.onto(n, d.to_bytes()))
        convert = staticmethod(lambda n, d, s, rig: page.convert(n, d.to_bytes(), s, rig))

        @staticmethod
        def file(address):
            found = page.file(address)
            return None if found is None else to_js(found)

    gc.freeze()
    gc.enable()
    return Calls
start
`;

const PRODUCT = `
from mocap.page import product
from pyodide.ffi import to_js

class Layers:
    rows = product.ROWS
    weights = staticmethod(lambda: to_js([to_js([a, n]) for a, n in product.layers()]))
    use = staticmethod(product.use)
Layers
`;

const REFINE = `
from mocap.page import refine
refine.use
`;

const say = (message: FromSolver, transfer: Transferable[] = []): void =>
  self.postMessage(message, { transfer });
const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split("\n").pop() ?? "";

let python: PyodideAPI | null = null;
let page: Page | null = null;
let takes: TakeStore | null = null;
let manifest: Manifest | null = null;
let scipy: Promise<unknown> | null = null;
/** The address of Python's files. */
let folder = "";
let keptAt = 0;
/** Messages are taken one after another: some wait for SciPy or for the browser's storage. */
let turn: Promise<void> = Promise.resolve();

/** Counts the bytes that this worker fetches. */
function counting(base: string, names: readonly string[], total: number, what: string): void {
  const plain = self.fetch.bind(self);
  let loaded = 0;
  let said = 0;
  self.fetch = async (input, init) => {
    const answer = await plain(input, init);
    const [file = ""] = answer.url.split("?");
    const name = file.startsWith(base) ? file.slice(base.length) : "";
    if (!names.includes(name) || !answer.body) return answer;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        loaded += piece.byteLength;
        const now = performance.now();
        if (loaded >= total || now - said > SAY_EVERY) {
          said = now; // each change of the bar has the whole page drawn
          say({ loaded: Math.min(loaded, total), total, what });
        }
        controller.enqueue(piece);
      },
    });
    const { status, headers } = answer;
    return new Response(answer.body.pipeThrough(count), { status, headers });
  };
}

/** A file that the service worker has kept, uncompressed; null if it has not. */
async function kept(address: string): Promise<Uint8Array | null> {
  const found = await caches.match(address);
  return found ? new Uint8Array(await found.arrayBuffer()) : null;
}

async function core(folder: string): Promise<Core> {
  const [{ loadPyodide }, { default: create }] = (await Promise.all(
    ["pyodide.mjs", "pyodide.asm.mjs"].map((name) => import(/* @vite-ignore */ folder + name)),
  )) as [{ loadPyodide: Core["load"] }, { default: Core["create"] }];
  const options = { indexURL: folder, lockFileURL: `${folder}pyodide-lock.json` };
  return { load: loadPyodide, create, options };
}

/** Python as an earlier visit's service worker has kept it; null if it has not. */
async function resume(folder: string, { packages, memory }: Manifest): Promise<PyodideAPI | null> {
  try {
    const found = Promise.all([packages, memory].map((name) => kept(`${folder}${name}`)));
    const loading = core(folder);
    loading.catch(() => undefined); // thrown below, where an image is kept
    const [files, image] = await found;
    return files && image ? await startPython(await loading, files, image) : null;
  } catch (error) {
    console.warn("Python starts from its files:", error);
    return null;
  }
}

async function begin(folder: string, { sizes, start, packages }: Manifest): Promise<PyodideAPI> {
  const total = start.reduce((sum, name) => sum + (sizes[name] ?? 0), 0);
  counting(folder, start, total, "the solver");
  const loading = core(folder);
  const files = (await kept(`${folder}${packages}`)) ?? (await fetched(`${folder}${packages}`));
  return startPython(await loading, files, null);
}

async function fetched(address: string): Promise<Uint8Array> {
  const answer = await fetch(address);
  const plain = answer.body!.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

async function start(base: string, hello: string): Promise<void> {
  const begun = performance.now();
  folder = new URL("python/", base).href;
  manifest = (await (await fetch(`${folder}files.json`)).json()) as Manifest;
  const kernel = WebAssembly.compileStreaming(fetch(`${folder}${manifest.product}`)).catch(
    () => null,
  );
  const mannequin = fetch(new URL("rigs/mannequin.vrm", base)).then((a) => a.arrayBuffer());
  const resumed = await resume(folder, manifest);
  python = resumed ?? (await begin(folder, manifest));
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  python.runPython(`import os; os.environ["TZ"] = ${JSON.stringify(timeZone)}`);
  const rigs = python.runPython("import mocap.assets as a; str(a.ROOT / 'rigs')") as string;
  python.FS.writeFile(`${rigs}/mannequin.vrm`, new Uint8Array(await mannequin));
  takes = await TakeStore.open(python.FS, TAKES, (warning) => say({ warning }));
  const made = python.runPython(GLUE) as Proxy & ((...args: unknown[]) => Page);
  page = made(
    hello,
    TAKES,
    (message: string | Uint8Array) => {
      if (typeof message === "string") return say({ stream: message });
      const { buffer } = message;
      say({ stream: buffer as ArrayBuffer }, [buffer as ArrayBuffer]);
    },
    (text: string) => answered(text),
  );
  // Without memory for the kernel the products stay NumPy's.
  await useKernel(python, await kernel).catch(() => undefined);
  say({ ready: performance.now() - begun, resumed: resumed !== null });
}

/** Lets the lifter's network multiply by the kernel; without SIMD it stays NumPy's. */
async function useKernel(python: PyodideAPI, module: WebAssembly.Module | null): Promise<void> {
  if (!module) return;
  const layers = python.runPython(PRODUCT) as {
    readonly rows: number;
    weights(): [Float32Array, number][];
    use(matrices: readonly Matrix[]): void;
  };
  const weights = layers.weights().map(([values, columns]) => ({ values, columns }));
  layers.use(await matrices(module, weights, layers.rows));
}

/** Sends an answer of the studio with the files that it names. */
function answered(text: string): void {
  say({ answer: text, ...named(text) });
}

const clipFiles = (clip?: string): string[] =>
  clip ? [".bin", ".json", ".mjpg"].map((suffix) => clip + suffix) : [];

function named(text: string): { files: [string, ArrayBuffer][] } {
  const { file, clip, rig } = JSON.parse(text) as Record<string, string | undefined>;
  const addresses = [file, rig, ...clipFiles(clip)];
  const files: [string, ArrayBuffer][] = [];
  for (const address of addresses) {
    const data = address && page?.file(address);
    if (data) files.push([address, data.slice().buffer as ArrayBuffer]);
  }
  return { files };
}

/** SciPy and the optimiser's kernels, which only long work needs. */
function withScipy(): Promise<unknown> {
  scipy ??= Promise.all([
    python!.loadPackage("scipy", { messageCallback: () => undefined }),
    useRefine(python!).catch(() => undefined), // without SIMD NumPy and LAPACK calculate
  ]);
  return scipy;
}

async function useRefine(python: PyodideAPI): Promise<void> {
  const answer = await fetch(`${folder}${manifest!.refine}`);
  const kernels = refineKernels(python, new Uint8Array(await answer.arrayBuffer()));
  const use = python.runPython(REFINE) as (
    solve: RefineKernels["solve_banded"],
    subtract: RefineKernels["subtract_products"],
  ) => void;
  use(kernels.solve_banded, kernels.subtract_products);
}

async function take(message: ToSolver): Promise<void> {
  if ("start" in message) {
    await start(message.start, message.hello).catch((error: unknown) =>
      say({ failed: `mocap's solver could not be started here: ${reason(error)}` }),
    );
    return;
  }
  if (!page) return;
  if ("text" in message) return page.text(message.text);
  if ("binary" in message) return frame(page, message.binary);
  if ("onto" in message) {
    await withScipy();
    const answer = page.onto(message.onto, new Uint8Array(message.data));
    return say({ converted: answer, files: [] });
  }
  if ("convert" in message) {
    await withScipy();
    const data = new Uint8Array(message.data);
    const { convert, suffix, rig } = message;
    const converted = page.convert(convert, data, suffix, rig ?? undefined); // null is not None
    return say({ converted, ...named(converted) });
  }
  const ask = JSON.parse(message.ask) as { do: string; id: number; take?: string };
  if (LONG.has(ask.do)) {
    say({ answer: JSON.stringify({ id: ask.id, progress: 0 }), files: [] });
    await withScipy();
  }
  page.ask(message.ask, message.file && new Uint8Array(message.file));
  if (!LONG.has(ask.do)) await takes?.reconcile(page.recording());
}

function frame(page: Page, data: ArrayBuffer): void {
  const begun = performance.now();
  try {
    page.binary(new Uint8Array(data));
  } finally {
    const now = performance.now();
    say({ taken: now - begun });
    if (now - keptAt > KEEP_EVERY) {
      keptAt = now;
      takes?.keep();
    }
  }
}

say({ started: true });
self.onmessage = ({ data }: MessageEvent<ToSolver>): void => {
  turn = turn
    .then(() => take(data))
    .catch((error: unknown) => say({ warning: `The solver failed: ${reason(error)}` }));
};
