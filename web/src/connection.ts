// The socket to the mocap server: it comes back by itself, and an old socket never speaks for a new one.

import { ServerClock } from "./clock";
import {
  compose,
  decode,
  encode,
  type Face,
  type Hello,
  KEYPOINTS,
  type Keypoints,
  PICTURE,
  type Picture,
  POSE,
  type Pose,
  PROTOCOL,
  ProtocolError,
  parse,
  type Status,
  type Tuned,
  type Tuning,
} from "./protocol";

/** `connecting` until the first attempt has ended, then `open` or `gone`. */
export type State = "connecting" | "open" | "gone";

export interface Listener {
  state(state: State): void;
  hello(hello: Hello): void;
  status(status: Status): void;
  picture(picture: Picture): void;
  keypoints(keypoints: Keypoints): void;
  /** Only the newest of a subject's poses that came since the last draw matters: keep one. */
  pose(pose: Pose): void;
  /** How live poses are made now. */
  tuned(tuned: Tuned): void;
  /** This performer is seen no more. */
  gone(subject: number): void;
  /** A sentence about a message that could not be read. */
  trouble(sentence: string): void;
}

const FIRST_WAIT = 0.1;
const LONGEST_WAIT = 1;
const PING_EVERY = 0.5;
/** After so many pings with no word from the server it is gone, even if the socket does not say so (a lost network). Counted in pings
 * because a page in the background has its timers slowed. */
const SILENCE = 8;
/** A connection that is not made by then (seconds) is tried anew. */
const PATIENCE = 5;

const seconds = (): number => performance.now() / 1000;

/** The stream's address beside the page's own. */
export function streamAddress(page: { protocol: string; host: string }): string {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/stream`;
}

export class Connection {
  readonly clock = new ServerClock();
  private socket: WebSocket | null = null;
  private wait = FIRST_WAIT;
  private joints = 0;
  private unanswered = 0;
  private timers: number[] = [];
  private closed = false;

  constructor(
    private readonly address: string,
    private readonly on: Listener,
  ) {
    on.state("connecting");
    this.open();
  }

  /** After the frame was drawn: it and every frame before it are done with. */
  ack(frame: number): void {
    this.send({ type: "ack", frame });
  }

  /** The performer stands upright: measure anew. */
  calibrate(): void {
    this.send({ type: "calibrate" });
  }

  /** Another one of the people that the server sees is to be followed. */
  nextPerson(): void {
    this.send({ type: "person" });
  }

  /** How live poses are to be made. */
  tune(tuning: Tuning): void {
    this.send({ type: "tune", ...tuning });
  }

  /** Who is to lead: the server's own source, or pages' cameras. */
  choose(who: "server" | "browser"): void {
    this.send({ type: "lead", who });
  }

  /** What the page's own camera sees follows. */
  lead(name: string, width: number, height: number): void {
    this.send({ type: "camera", name, width, height });
  }

  /** What the page's own camera sees. False where nothing can be sent, or what was sent before is still on its way: newest wins. */
  sees(keypoints: Keypoints, face: Face | null): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > 0) return false;
    if (face) this.socket.send(encode(face));
    this.socket.send(encode(keypoints));
    return true;
  }

  close(): void {
    this.closed = true;
    this.drop();
  }

  private send(message: Parameters<typeof compose>[0]): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(compose(message));
  }

  private open(): void {
    const socket = new WebSocket(this.address, PROTOCOL);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.joints = 0;
    this.clock.reset();
    // Each handler asks whether it still speaks for the connection: a socket given up may close minutes later.
    const mine = (): boolean => socket === this.socket;
    const patience = window.setTimeout(
      () => mine() && socket.readyState === WebSocket.CONNECTING && this.lost(),
      PATIENCE * 1000,
    );
    this.timers.push(patience);
    socket.onopen = () => mine() && this.opened();
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
      mine() && this.message(event.data);
    socket.onclose = () => mine() && this.lost();
  }

  private opened(): void {
    this.wait = FIRST_WAIT;
    this.unanswered = 0;
    const beat = (): void => {
      if (this.unanswered++ >= SILENCE) this.lost();
      else this.send({ type: "ping", client: seconds() });
    };
    beat();
    this.timers.push(window.setInterval(beat, PING_EVERY * 1000));
    this.on.state("open");
  }

  private lost(): void {
    this.drop();
    if (this.closed) return;
    this.on.state("gone");
    this.timers.push(window.setTimeout(() => this.open(), this.wait * 1000));
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  /** Lets go of the socket and of everything that waits for it. */
  private drop(): void {
    for (const timer of this.timers) window.clearTimeout(timer);
    this.timers = [];
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private message(data: string | ArrayBuffer): void {
    this.unanswered = 0;
    try {
      if (typeof data === "string") this.text(data);
      // Without a hello a pose's numbers have no names.
      else if (this.joints > 0) this.binary(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.on.trouble(error.message);
    }
  }

  private text(data: string): void {
    const message = parse(data);
    if (message?.type === "hello") {
      this.joints = message.skeleton.names.length;
      this.on.hello(message);
    } else if (message?.type === "status") this.on.status(message);
    else if (message?.type === "tuned") this.on.tuned(message);
    else if (message?.type === "gone") this.on.gone(message.subject);
    else if (message?.type === "pong") this.clock.add(message.client, seconds(), message.clock);
  }

  private binary(data: ArrayBuffer): void {
    const message = decode(data, this.joints);
    if (message.kind === PICTURE) this.on.picture(message);
    else if (message.kind === KEYPOINTS) this.on.keypoints(message);
    else if (message.kind === POSE) this.on.pose(message);
  }
}
