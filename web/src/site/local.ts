// The transport of the page that needs no install: a worker that runs mocap takes the server's
// place. Nothing that is sent here leaves the page.

import type { Channel, Transport } from "../transport";
import type { FromSolver, ToSolver } from "./messages";

const OPEN = 1;
const CLOSED = 3;
const seconds = (): number => performance.now() / 1000;

/** A channel to the worker, with the surface of a WebSocket. */
abstract class LocalChannel implements Channel {
  binaryType: BinaryType = "arraybuffer";
  readyState = 0;
  onopen: Channel["onopen"] = null;
  onmessage: Channel["onmessage"] = null;
  onclose: Channel["onclose"] = null;

  constructor() {
    queueMicrotask(() => {
      if (this.readyState === CLOSED) return;
      this.readyState = OPEN;
      this.onopen?.(new Event("open"));
      this.opened();
    });
  }

  abstract get bufferedAmount(): number;
  abstract send(data: string | ArrayBuffer): void;
  protected opened(): void {}

  close(): void {
    this.readyState = CLOSED;
  }

  receive(data: string | ArrayBuffer): void {
    if (this.readyState === OPEN) this.onmessage?.(new MessageEvent("message", { data }));
  }
}

class StreamChannel extends LocalChannel {
  constructor(
    private readonly local: LocalTransport,
    private readonly hello: Promise<string>,
  ) {
    super();
  }

  /** Frames that the solver has not taken yet; it takes none before it is ready. */
  get bufferedAmount(): number {
    return this.local.ready ? this.local.waiting : 1;
  }

  protected override opened(): void {
    void this.hello.then((hello) => this.receive(hello));
  }

  send(data: string | ArrayBuffer): void {
    if (typeof data !== "string") return this.local.tell({ binary: data }, [data]);
    const message = JSON.parse(data) as { type: string; client?: number };
    if (message.type === "ping") {
      // The page and the worker have one clock.
      const pong = { type: "pong", client: message.client, clock: seconds() };
      queueMicrotask(() => this.receive(JSON.stringify(pong)));
    } else if (message.type !== "ack" && message.type !== "lead") this.local.tell({ text: data });
  }
}

class StudioChannel extends LocalChannel {
  private upload: { text: string; size: number; pieces: ArrayBuffer[] } | null = null;

  constructor(private readonly local: LocalTransport) {
    super();
  }

  readonly bufferedAmount = 0;

  send(data: string | ArrayBuffer): void {
    if (typeof data === "string") return this.text(data);
    const { upload } = this;
    if (!upload) return;
    upload.pieces.push(data);
    if (upload.pieces.reduce((sum, { byteLength }) => sum + byteLength, 0) < upload.size) return;
    this.upload = null;
    void new Blob(upload.pieces)
      .arrayBuffer()
      .then((file) => this.local.tell({ ask: upload.text, file }, [file]));
  }

  private text(text: string): void {
    const ask = JSON.parse(text) as { do: string; id: number; ask?: number; size?: number };
    if (ask.do === "upload") this.upload = { text, size: ask.size ?? 0, pieces: [] };
    else if (ask.do === "cancel") {
      // The worker cannot be interrupted: its answer, when it comes, is ignored.
      this.receive(JSON.stringify({ id: ask.ask, error: "The request was cancelled." }));
      this.receive(JSON.stringify({ id: ask.id }));
    } else this.local.tell({ ask: text });
  }
}

export interface LocalListener {
  /** Bytes of the solver that have come, and of all. */
  progress(loaded: number, total: number, what: string): void;
  /** @param resumed Whether Python went on from the image that an earlier visit has kept. */
  ready(resumed: boolean): void;
  /** The solver cannot run, for this reason, a sentence. */
  failed(sentence: string): void;
  warning(sentence: string): void;
}

/** What a conversion answers. */
export interface Converted {
  readonly file: string;
  readonly name: string;
  readonly bytes: number;
  readonly frames: number;
  readonly clip: string;
}

export class LocalTransport implements Transport {
  ready = false;
  /** Resolved when the worker runs, or cannot. */
  readonly started: Promise<void>;
  /** Frames and faces that were sent and not taken yet. */
  waiting = 0;
  /** Milliseconds that the solver needed for each of the last frames. */
  readonly took: number[] = [];
  private readonly worker: Worker;
  private readonly hello: Promise<string>;
  private readonly files = new Map<string, Blob>();
  private stream: StreamChannel | null = null;
  private studio: StudioChannel | null = null;
  private readonly converting: ((answer: string) => void)[] = [];
  private readonly idle: (() => void)[] = [];

  constructor(
    private readonly base: string,
    private readonly detector: () => string,
    private readonly on: LocalListener,
  ) {
    this.hello = fetch(new URL("hello.json", base)).then((answer) => answer.text());
    this.worker = new Worker(new URL("./solver.ts", import.meta.url), {
      type: "module",
      name: "solver",
    });
    this.started = new Promise((resolve) => {
      for (const kind of ["message", "error"]) {
        this.worker.addEventListener(kind, () => resolve(), { once: true });
      }
    });
    this.worker.onmessage = ({ data }: MessageEvent<FromSolver>) => this.received(data);
    this.worker.onerror = (event) =>
      on.failed(`The solver could not be started (${event.message || "no reason given"}).`);
    void this.hello.then((hello) => this.tell({ start: base, hello }));
  }

  open(_address: string, subprotocol: string): Channel {
    if (!subprotocol.includes("studio")) {
      this.stream = new StreamChannel(this, this.hello);
      return this.stream;
    }
    this.studio = new StudioChannel(this);
    return this.studio;
  }

  fetch(address: string): Promise<Response> {
    const made = this.files.get(this.key(address));
    return made ? Promise.resolve(new Response(made)) : fetch(new URL(address, this.base));
  }

  link(address: string): string {
    const made = this.files.get(this.key(address));
    return made ? URL.createObjectURL(made) : new URL(address, this.base).href;
  }

  models(): string {
    return new URL(`models/${this.detector()}/`, this.base).href;
  }

  /** Converts a motion's file. Throws an Error whose message is mocap's sentence. */
  async convert(file: File, suffix: string, rig: string | null): Promise<Converted> {
    const data = await file.arrayBuffer();
    return this.asked<Converted>({ convert: file.name, data, suffix, rig }, data);
  }

  /** Takes a character's file that later conversions move; returns sentences about it. */
  async onto(file: File): Promise<readonly string[]> {
    const data = await file.arrayBuffer();
    const message = { onto: file.name, data };
    return (await this.asked<{ said: readonly string[] }>(message, data)).said;
  }

  private async asked<T>(message: ToSolver, data: ArrayBuffer): Promise<T> {
    const answer = await new Promise<string>((resolve) => {
      this.converting.push(resolve);
      this.tell(message, [data]);
    });
    const { error, ...rest } = JSON.parse(answer) as { error?: string };
    if (error) throw new Error(error);
    return rest as T;
  }

  /** Sends a frame and waits until it is solved. */
  async solved(messages: readonly (string | ArrayBuffer)[]): Promise<void> {
    for (const message of messages) {
      if (typeof message === "string") this.tell({ text: message });
      else this.tell({ binary: message }, [message]);
    }
    if (this.waiting > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  tell(message: ToSolver, transfer: Transferable[] = []): void {
    if ("binary" in message) this.waiting++;
    this.worker.postMessage(message, transfer);
  }

  private key(address: string): string {
    return new URL(address, this.base).href;
  }

  private received(message: FromSolver): void {
    if ("started" in message) return;
    if ("stream" in message) this.stream?.receive(message.stream);
    else if ("taken" in message) this.taken(message.taken);
    else if ("answer" in message) {
      this.keep(message.files);
      this.studio?.receive(message.answer);
    } else if ("converted" in message) {
      this.keep(message.files);
      this.converting.shift()?.(message.converted);
    } else if ("loaded" in message) this.on.progress(message.loaded, message.total, message.what);
    else if ("warning" in message) this.on.warning(message.warning);
    else if ("ready" in message) {
      this.ready = true;
      this.on.ready(message.resumed);
    } else this.on.failed(message.failed);
  }

  private taken(took: number): void {
    this.waiting--;
    this.took.push(took);
    if (this.took.length > 1000) this.took.shift();
    if (this.waiting === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** Keeps finished files; of clips and exports the last ones. */
  private keep(files: readonly (readonly [string, ArrayBuffer])[]): void {
    for (const [address, data] of files) this.files.set(this.key(address), new Blob([data]));
    const old = [...this.files.keys()].slice(0, Math.max(this.files.size - 24, 0));
    for (const key of old) this.files.delete(key);
  }
}
