// The page's connection to the studio (`mocap.studio.v1`, mocap/studio/messages.py): requests with
// answers, and files that are uploaded in pieces.

import type { Figure } from "../picture/thumbnail";
import { type Channel, transport } from "../transport";

export interface TakeInfo {
  readonly name: string;
  readonly seconds: number;
  /** Bytes. */
  readonly size: number;
  /** The body in the middle of the take; empty if no person is seen. */
  readonly figure: Figure;
  /** Why the take cannot be read, a sentence. */
  readonly problem?: string | null;
  /** Whether it keeps the source's pictures. */
  readonly pictures: boolean;
}

/** For long work: a callback for its progress, 0 to 1, and a signal that cancels it. */
export interface WorkOptions {
  readonly progress?: (part: number) => void;
  readonly signal?: AbortSignal;
}

export type Grade = "bake" | "live";
export type Format = "bvh" | "glb" | "vrma" | "fbx" | "csv" | "mot" | "trc" | "json";

/** What the server recognised in a character's file. */
export interface CharacterInfo {
  /** The address of the character as a VRM. */
  readonly rig: string;
  /** Sentences about it. */
  readonly said: readonly string[];
  /** Humanoid bone → node, of the mapped bones. */
  readonly bones: Readonly<Record<string, string>>;
  /** The names of all nodes. */
  readonly nodes: readonly string[];
}

/** The requests: arguments and answer of each. */
export interface Requests {
  record: [
    { on: boolean; pictures?: boolean },
    { on: boolean; take: string; frames: number; pictures: number },
  ];
  takes: [object, { takes: TakeInfo[]; recording: string | null }];
  open: [
    { take: string; grade: Grade },
    { clip: string; pictures: boolean; frames: number; seconds: number },
  ];
  rename: [{ take: string; to: string }, { take: string }];
  delete: [{ take: string }, { take: string }];
  export: [
    {
      take: string;
      grade: Grade;
      format: Format;
      start: number;
      end: number;
      rig: string | null;
    },
    { file: string; name: string; bytes: number; frames: number },
  ];
  upload: [{ name: string; size: number; body: number }, CharacterInfo];
  /** An empty node name unmaps the bone. */
  remap: [{ rig: string; bones: Readonly<Record<string, string>> }, CharacterInfo];
}

const SUBPROTOCOL = "mocap.studio.v1";
/** Bytes of one piece of an upload, and the most pieces in the browser's buffer. */
const PIECE = 48 * 1024;
const BUFFERED = 16;
const GONE = "The mocap server is not answering: wait until it is back, then try again.";

interface Pending {
  resolve(answer: never): void;
  reject(error: Error): void;
  progress?(part: number): void;
}

export class Studio {
  private socket: Promise<Channel> | null = null;
  private readonly pending = new Map<number, Pending>();
  private next = 0;

  constructor(private readonly address: string) {}

  /** Whether the server has a studio: `mocap view` has none. */
  async exists(): Promise<boolean> {
    return this.open().then(
      () => true,
      () => false,
    );
  }

  /** Sends a request. Throws an Error whose message is the studio's sentence. */
  async ask<K extends keyof Requests>(
    request: K,
    args: Requests[K][0],
    options: WorkOptions = {},
  ): Promise<Requests[K][1]> {
    return this.send(await this.open(), request, args, options);
  }

  /**
   * Uploads a character's file. Throws an Error whose message is the studio's sentence.
   *
   * @param body The GLB that shows a character which pages cannot draw; null for the file itself.
   */
  async upload(
    file: File,
    body: ArrayBuffer | null,
    progress: (part: number) => void,
  ): Promise<CharacterInfo> {
    const data = await new Blob(body ? [file, body] : [file]).arrayBuffer();
    const socket = await this.open();
    const sizes = { size: data.byteLength, body: body?.byteLength ?? 0 };
    const answer = this.send(socket, "upload", { name: file.name, ...sizes });
    // The answer may fail while pieces are still sent; it is awaited below.
    answer.catch(() => undefined);
    for (let at = 0; at < data.byteLength; at += PIECE) {
      // The page's other messages must not wait behind the whole file.
      while (socket.bufferedAmount > BUFFERED * PIECE) {
        await new Promise((resolve) => window.setTimeout(resolve, 10));
      }
      socket.send(data.slice(at, at + PIECE));
      progress(at / data.byteLength);
    }
    progress(1);
    return answer;
  }

  private send<K extends keyof Requests>(
    socket: Channel,
    request: K,
    args: Requests[K][0],
    { progress, signal }: WorkOptions = {},
  ): Promise<Requests[K][1]> {
    const id = this.next++;
    const answer = new Promise<Requests[K][1]>((resolve, reject) =>
      this.pending.set(id, { resolve, reject, ...(progress && { progress }) }),
    );
    signal?.addEventListener("abort", () => {
      if (!this.pending.has(id)) return;
      socket.send(JSON.stringify({ do: "cancel", id: this.next++, ask: id }));
    });
    socket.send(JSON.stringify({ do: request, id, ...args }));
    return answer;
  }

  private open(): Promise<Channel> {
    this.socket ??= new Promise((resolve, reject) => {
      const socket = transport.open(this.address, SUBPROTOCOL);
      socket.onopen = () => resolve(socket);
      socket.onmessage = ({ data }: MessageEvent<string>) => this.answered(data);
      socket.onclose = ({ reason }) => {
        this.socket = null;
        const error = new Error(reason || GONE);
        reject(error);
        for (const pending of this.pending.values()) pending.reject(error);
        this.pending.clear();
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
    const pending = this.pending.get(id);
    if (progress !== undefined) return pending?.progress?.(progress);
    this.pending.delete(id);
    if (error === undefined) pending?.resolve(answer as never);
    else pending?.reject(new Error(error));
  }
}
