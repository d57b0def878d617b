// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encode, type PoseMessage } from "./binary";
import { Connection, type ConnectionListener, streamAddress } from "./connection";

const HELLO = JSON.stringify({
  type: "hello",
  version: 1,
  skeleton: { names: ["hips"], parents: [-1], offsets: [[0, 1, 0]] },
  expressions: [],
  rig: "rigs/a.vrm",
  source: { kind: "motion", name: "m", width: 1, height: 1 },
});
const pose = (frame: number): ArrayBuffer =>
  encode({
    kind: 1,
    subject: 0,
    frame,
    time: 0,
    clock: 0,
    root: new Float32Array(3),
    rotations: new Float32Array(4),
    weights: new Float32Array(0),
  } as PoseMessage);

class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  static get newest(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!;
  }
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(data: unknown): void {
    this.onmessage?.({ data });
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
}

let heard: string[];
const listener: ConnectionListener = {
  connection: (state) => heard.push(state),
  state: ({ source }) => heard.push(`state ${source}`),
  hello: () => heard.push("hello"),
  status: ({ text }) => heard.push(text),
  picture: () => heard.push("picture"),
  keypoints: () => heard.push("keypoints"),
  pose: ({ frame }) => heard.push(`pose ${frame}`),
  tuned: ({ smoothing }) => heard.push(`tuned ${smoothing}`),
  gone: ({ subject }) => heard.push(`gone ${subject}`),
  trouble: (sentence) => heard.push(sentence),
};

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("window", globalThis);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("Connection", () => {
  it("is made beside the page, in the page's way", () => {
    expect(streamAddress({ protocol: "http:", host: "127.0.0.1:8765" })).toBe(
      "ws://127.0.0.1:8765/stream",
    );
    expect(streamAddress({ protocol: "https:", host: "example.org" })).toBe(
      "wss://example.org/stream",
    );
  });

  it("hands on what comes after the hello, and acknowledges", () => {
    const connection = new Connection("ws://x/stream", listener);
    FakeSocket.newest.open();
    FakeSocket.newest.say(pose(1)); // no hello yet: it has no meaning
    FakeSocket.newest.say(HELLO);
    FakeSocket.newest.say(pose(2));
    connection.ack(2);
    expect(FakeSocket.newest.protocol).toBe("mocap.v1");
    expect(heard).toEqual(["connecting", "open", "hello", "pose 2"]);
    expect(FakeSocket.newest.sent).toContain('{"type":"ack","frame":2}');
  });

  it("comes back within a second after each loss, for as long as it takes", () => {
    new Connection("ws://x/stream", listener);
    for (let attempt = 1; attempt <= 8; attempt++) {
      FakeSocket.newest.onclose?.();
      vi.advanceTimersByTime(1000);
      expect(FakeSocket.all.length).toBe(attempt + 1);
    }
    FakeSocket.newest.open();
    expect(heard[heard.length - 1]).toBe("open");
  });

  it("ignores a socket that it has given up", () => {
    new Connection("ws://x/stream", listener);
    const old = FakeSocket.newest;
    old.open();
    old.onclose?.();
    vi.advanceTimersByTime(1000);
    FakeSocket.newest.open();
    FakeSocket.newest.say(HELLO);
    heard = [];
    old.onclose?.();
    old.say(HELLO);
    expect(heard).toEqual([]);
  });

  it("gives up a server that answers no pings, and keeps one that does", () => {
    new Connection("ws://x/stream", listener);
    FakeSocket.newest.open();
    for (let i = 0; i < 40; i++) {
      FakeSocket.newest.say('{"type":"pong","client":0,"clock":0}');
      vi.advanceTimersByTime(500);
    }
    expect(heard).toEqual(["connecting", "open"]);
    vi.advanceTimersByTime(5000);
    expect(heard).toContain("gone");
  });

  it("gives up an attempt that hangs", () => {
    new Connection("ws://x/stream", listener);
    vi.advanceTimersByTime(6500);
    expect(FakeSocket.all.length).toBe(2);
  });

  it("reports a message that it cannot read, and goes on", () => {
    new Connection("ws://x/stream", listener);
    FakeSocket.newest.open();
    FakeSocket.newest.say(HELLO);
    FakeSocket.newest.say(new ArrayBuffer(3));
    FakeSocket.newest.say(pose(7));
    expect(heard.slice(3)).toEqual([
      "A binary message has at least 24 bytes, but this one has 3.",
      "pose 7",
    ]);
  });

  it("ends when it is closed", () => {
    new Connection("ws://x/stream", listener).close();
    vi.advanceTimersByTime(10000);
    expect(FakeSocket.all.length).toBe(1);
  });
});
