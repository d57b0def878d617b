// The socket to the mocap server: it reconnects by itself, and events of an old socket are ignored.

import { type Channel, transport } from "../transport";
import {
  decode,
  encode,
  type FaceMessage,
  KEYPOINTS,
  type KeypointsMessage,
  PICTURE,
  type PictureMessage,
  POSE,
  type PoseMessage,
  ProtocolError,
} from "./binary";
import { ServerClock } from "./clock";
import {
  type ClientText,
  compose,
  type Gone,
  type Hello,
  parse,
  type ServerState,
  type Status,
  SUBPROTOCOL,
  type Tuned,
} from "./text";

/** `connecting` until the first attempt has ended, then `open` or `gone`. */
export type ConnectionState = "connecting" | "open" | "gone";

/** What the connection calls, a method for each kind of event. */
export interface ConnectionListener {
  connection(state: ConnectionState): void;
  hello(hello: Hello): void;
  status(status: Status): void;
  state(state: ServerState): void;
  picture(picture: PictureMessage): void;
  keypoints(keypoints: KeypointsMessage): void;
  /** Only the newest pose of a subject since the last draw matters. */
  pose(pose: PoseMessage): void;
  tuned(tuned: Tuned): void;
  gone(gone: Gone): void;
  /** A sentence about a message that could not be read. */
  trouble(sentence: string): void;
}

/** Seconds before the first and at most before each further attempt to reconnect. */
const FIRST_WAIT = 0.1;
const LONGEST_WAIT = 1;
const PING_EVERY = 0.5;
/**
 * After so many pings without a word from the server the connection counts as lost, even if the
 * socket does not say so (the network is gone). Counted in pings, because the timers of a page in
 * the background run slowly.
 */
const SILENCE = 8;
/** Seconds after which an attempt to connect is given up and repeated. */
const PATIENCE = 5;

const seconds = (): number => performance.now() / 1000;

/** The address of the stream that belongs to the page at `page`. */
export function streamAddress(page: { protocol: string; host: string }): string {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/stream`;
}

export class Connection {
  readonly clock = new ServerClock();
  private socket: Channel | null = null;
  private wait = FIRST_WAIT;
  private joints = 0;
  private unanswered = 0;
  private timers: number[] = [];
  private closed = false;

  constructor(
    private readonly address: string,
    private readonly on: ConnectionListener,
  ) {
    on.connection("connecting");
    this.open();
  }

  /** Sends a text message; does nothing while there is no connection. */
  send(message: ClientText): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(compose(message));
  }

  /** Acknowledges the frame and every frame before it. */
  ack(frame: number): void {
    this.send({ type: "ack", frame });
  }

  /**
   * Sends what the page's own camera sees.
   *
   * @returns False where nothing was sent: there is no connection, or an earlier message is still
   * on its way (the newest wins).
   */
  sendSeen(keypoints: KeypointsMessage, face: FaceMessage | null): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > 0) return false;
    if (face) this.socket.send(encode(face));
    this.socket.send(encode(keypoints));
    return true;
  }

  /** Sends a picture of the page's own camera, unless an earlier message is still on its way. */
  sendPicture(picture: PictureMessage): void {
    if (this.socket?.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > 0) return;
    this.socket.send(encode(picture));
  }

  close(): void {
    this.closed = true;
    this.drop();
  }

  private open(): void {
    const socket = transport.open(this.address, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.joints = 0;
    this.clock.reset();
    // A socket that was given up may fire its events minutes later.
    const current = (): boolean => socket === this.socket;
    const giveUp = (): void => {
      if (current() && socket.readyState === WebSocket.CONNECTING) this.lost();
    };
    this.timers.push(window.setTimeout(giveUp, PATIENCE * 1000));
    socket.onopen = () => current() && this.opened();
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
      current() && this.message(event.data);
    socket.onclose = () => current() && this.lost();
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
    this.on.connection("open");
  }

  private lost(): void {
    this.drop();
    if (this.closed) return;
    this.on.connection("gone");
    this.timers.push(window.setTimeout(() => this.open(), this.wait * 1000));
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  /** Closes the socket and clears every timer. */
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
      // Before the hello the numbers of a pose have no names.
      else if (this.joints > 0) this.binary(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.on.trouble(error.message);
    }
  }

  private text(data: string): void {
    const message = parse(data);
    switch (message?.type) {
      case "hello":
        this.joints = message.skeleton.names.length;
        return this.on.hello(message);
      case "status":
        return this.on.status(message);
      case "state":
        return this.on.state(message);
      case "tuned":
        return this.on.tuned(message);
      case "gone":
        return this.on.gone(message);
      case "pong":
        return this.clock.add(message.client, seconds(), message.clock);
    }
  }

  private binary(data: ArrayBuffer): void {
    const message = decode(data, this.joints);
    if (message.kind === PICTURE) this.on.picture(message);
    else if (message.kind === KEYPOINTS) this.on.keypoints(message);
    else if (message.kind === POSE) this.on.pose(message);
  }
}
