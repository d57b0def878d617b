// The page's line to the studio (`mocap.studio.v1`, mocap/studio/messages.py): questions with answers, and files upwards in pieces.

export interface Take {
  readonly name: string;
  readonly seconds: number;
  readonly size: number;
  /** The body's landmarks in the middle of it, in widths of the picture; none where nobody is seen. */
  readonly figure: readonly (readonly [number, number] | null)[];
}

/** For who waits for an answer: how much is done, 0 to 1, and a way to have it no longer. */
export interface Watch {
  readonly progress?: (part: number) => void;
  readonly signal?: AbortSignal;
}

export type Grade = "bake" | "live";
export type Format = "bvh" | "glb" | "vrma" | "json";

/** What was recognised of a character: its address, sentences, bone → node, and the nodes that a bone could be. */
export interface Character {
  readonly rig: string;
  readonly said: readonly string[];
  readonly bones: Readonly<Record<string, string>>;
  readonly nodes: readonly string[];
}

/** What can be asked, and what the answer holds. */
export interface Asks {
  record: [{ on: boolean }, { on: boolean; take: string; frames: number }];
  takes: [object, { takes: Take[]; recording: string | null }];
  open: [{ take: string; grade: Grade }, { clip: string; frames: number; seconds: number }];
  rename: [{ take: string; to: string }, { take: string }];
  delete: [{ take: string }, { take: string }];
  export: [
    { take: string; grade: Grade; format: Format; start: number; end: number; rig: string | null },
    { file: string; name: string; bytes: number; frames: number },
  ];
  upload: [{ name: string; size: number }, Character];
  remap: [{ rig: string; bones: Record<string, string> }, Character];
}

const SUBPROTOCOL = "mocap.studio.v1";
const PIECE = 48 * 1024;
const GONE = "The mocap server is not answering: wait until it is back, then try again.";

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
  progress?(part: number): void;
}

export class Studio {
  private socket: Promise<WebSocket> | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor(private readonly address: string) {}

  /** Whether there is a studio behind this page: a page that only looks through a file has none. */
  async there(): Promise<boolean> {
    try {
      await this.open();
      return true;
    } catch {
      return false;
    }
  }

  /** Rejects with an Error whose message is the studio's sentence. */
  async ask<K extends keyof Asks>(
    what: K,
    args: Asks[K][0],
    watch: Watch = {},
  ): Promise<Asks[K][1]> {
    return this.send(await this.open(), what, args, watch);
  }

  /** Sends a character's file; tells how much of it has gone, 0 to 1. */
  async upload(file: File, progress: (part: number) => void): Promise<Character> {
    const data = await file.arrayBuffer();
    const socket = await this.open();
    // Said before the first piece goes.
    const answer = this.send(socket, "upload", { name: file.name, size: data.byteLength });
    for (let at = 0; at < data.byteLength; at += PIECE) {
      // Not all at once into the browser's buffer: the rest of the page shares it.
      while (socket.bufferedAmount > 16 * PIECE)
        await new Promise((resolve) => window.setTimeout(resolve, 10));
      socket.send(data.slice(at, at + PIECE));
      progress(at / data.byteLength);
    }
    progress(1);
    return answer;
  }

  private send<K extends keyof Asks>(
    socket: WebSocket,
    what: K,
    args: Asks[K][0],
    { progress, signal }: Watch = {},
  ): Promise<Asks[K][1]> {
    const id = this.next++;
    const answer = new Promise<Asks[K][1]>((resolve, reject) =>
      this.waiting.set(id, { resolve, reject, ...(progress && { progress }) }),
    );
    signal?.addEventListener(
      "abort",
      () =>
        this.waiting.has(id) &&
        socket.send(JSON.stringify({ do: "cancel", id: this.next++, ask: id })),
    );
    socket.send(JSON.stringify({ do: what, id, ...args }));
    return answer;
  }

  private open(): Promise<WebSocket> {
    this.socket ??= new Promise((resolve, reject) => {
      const socket = new WebSocket(this.address, SUBPROTOCOL);
      socket.onopen = () => resolve(socket);
      socket.onmessage = ({ data }: MessageEvent<string>) => this.answered(data);
      socket.onclose = () => {
        this.socket = null;
        reject(new Error(GONE));
        for (const { reject: fail } of this.waiting.values()) fail(new Error(GONE));
        this.waiting.clear();
      };
    });
    return this.socket;
  }

  private answered(text: string): void {
    const { id, error, progress, ...answer } = JSON.parse(text) as {
      id: number;
      error?: string;
      progress?: number;
    };
    const waiting = this.waiting.get(id);
    if (progress !== undefined) return waiting?.progress?.(progress);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(answer as never);
    else waiting?.reject(new Error(error));
  }
}
