// The text messages of `mocap.v1`: JSON objects with a `type`, checked when they are read.
// mocap/stream/text.py is the Python side.

import { ProtocolError } from "./binary";

export const SUBPROTOCOL = "mocap.v1";
export const VERSION = 1;

/** mocap's skeleton: parents before children, rest offsets from the parent in metres. */
export interface Bones {
  readonly names: readonly string[];
  /** −1 for the root. */
  readonly parents: readonly number[];
  /** The root's offset is from the world's origin. */
  readonly offsets: readonly (readonly [number, number, number])[];
}

const SOURCE_KINDS = ["video", "camera", "motion", "browser"] as const;

/** What the server streams: a video, its camera, a motion, or a browser's camera. */
export interface SourceInfo {
  readonly kind: (typeof SOURCE_KINDS)[number];
  readonly name: string;
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Hello {
  readonly type: "hello";
  readonly version: number;
  readonly skeleton: Bones;
  readonly expressions: readonly string[];
  /** The address of the avatar's file, relative to the page. */
  readonly rig: string;
  readonly source: SourceInfo;
  /** The address of a motion for the page to play, without suffix (playback/clip.ts). */
  readonly clip?: string;
}

const LEVELS = ["info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

/** A sentence to show. */
export interface Status {
  readonly type: "status";
  readonly level: Level;
  readonly text: string;
}

const SOURCE_STATES = ["starting", "running", "waiting", "lost", "ended"] as const;
const BODY_PARTS = ["person", "head", "hands", "feet", "face"] as const;
const DISK_STATES = ["ok", "low", "full"] as const;
const EXPRESSION_NAMES = ["vrm1", "vrm0"] as const;

export type SourceState = (typeof SOURCE_STATES)[number];
export type BodyPart = (typeof BODY_PARTS)[number];
/** Which names of expressions are sent over VMC. */
export type ExpressionNames = (typeof EXPRESSION_NAMES)[number];

/** The receiver of VMC. */
export interface VmcOutput {
  /** HOST:PORT. */
  readonly address: string;
  readonly names: ExpressionNames;
}

/** What the server does now. It is sent to each page that connects, and when it changes. */
export interface ServerState {
  readonly type: "state";
  /** `waiting`: for a page's camera. `lost`: the camera was disconnected and is tried again. */
  readonly source: SourceState;
  /** The name of the take that is being recorded. */
  readonly recording: string | null;
  /** Seconds recorded so far. */
  readonly recorded: number;
  /** What has not been in view for two seconds. */
  readonly missing: readonly BodyPart[];
  /** Where takes are written. */
  readonly disk: (typeof DISK_STATES)[number];
  readonly vmc: VmcOutput | null;
  /** Whether the take keeps pictures, which a page with a camera sends. */
  readonly pictures?: boolean;
}

export interface Pong {
  readonly type: "pong";
  /** The value that the ping carried. */
  readonly client: number;
  /** The server's monotonic seconds. */
  readonly clock: number;
}

/** A performer has left. */
export interface Gone {
  readonly type: "gone";
  readonly subject: number;
}

const FEET = ["auto", "always", "off"] as const;
const HIPS = ["free", "locked"] as const;

/** How live poses are made (mocap/solve/tuning.py). */
export interface Tuning {
  /** Strength of the filters relative to the default, 0.25 to 4. */
  readonly smoothing: number;
  readonly feet: (typeof FEET)[number];
  readonly hips: (typeof HIPS)[number];
}

export interface Tuned extends Tuning {
  readonly type: "tuned";
  /** The delay that the smoothing adds, seconds. */
  readonly lag: number;
}

export type ServerText = Hello | Status | ServerState | Pong | Gone | Tuned;
export type ClientText =
  | { readonly type: "ack"; readonly frame: number }
  | { readonly type: "calibrate" }
  | { readonly type: "person"; readonly at?: readonly [number, number] }
  | { readonly type: "lead"; readonly who: "server" | "browser" }
  | { readonly type: "vmc"; readonly output: VmcOutput | null }
  | ({ readonly type: "tune" } & Tuning)
  | {
      readonly type: "camera";
      readonly name: string;
      readonly width: number;
      readonly height: number;
      /** Identifies the page: a new connection takes the place of its lost one. */
      readonly page: string;
    }
  | { readonly type: "ping"; readonly client: number };

type Check<T> = (value: unknown) => value is T;

const isNumber: Check<number> = (value): value is number => Number.isFinite(value);
const isString: Check<string> = (value): value is string => typeof value === "string";
const isRecord: Check<Record<string, unknown>> = (value): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isList = <T>(value: unknown, is: Check<T>): value is T[] =>
  Array.isArray(value) && value.every(is);
const isOneOf = <T extends string>(value: unknown, choices: readonly T[]): value is T =>
  choices.includes(value as T);

function isVector(value: unknown): value is [number, number, number] {
  return isList(value, isNumber) && value.length === 3;
}

function isBones(value: unknown): value is Bones {
  if (!isRecord(value)) return false;
  const { names, parents, offsets } = value;
  return (
    isList(names, isString) &&
    isList(parents, isNumber) &&
    isList(offsets, isVector) &&
    names.length > 0 &&
    parents.length === names.length &&
    offsets.length === names.length &&
    parents.every((parent, joint) => (joint === 0 ? parent === -1 : parent >= 0 && parent < joint))
  );
}

function isSourceInfo(value: unknown): value is SourceInfo {
  if (!isRecord(value)) return false;
  const { kind, name, width, height } = value;
  return (
    isOneOf(kind, SOURCE_KINDS) &&
    isString(name) &&
    isNumber(width) &&
    isNumber(height) &&
    width > 0 &&
    height > 0
  );
}

function isVmcOutput(value: unknown): value is VmcOutput {
  return isRecord(value) && isString(value.address) && isOneOf(value.names, EXPRESSION_NAMES);
}

type Fields = Record<string, unknown>;

/** The server's messages: how each is checked, and the sentence for one that fails the check. */
const MESSAGES: Readonly<
  Record<ServerText["type"], { readonly is: (value: Fields) => boolean; readonly error: string }>
> = {
  hello: {
    is: ({ skeleton, expressions, rig, source, clip }) =>
      isBones(skeleton) &&
      isList(expressions, isString) &&
      isString(rig) &&
      isSourceInfo(source) &&
      (clip === undefined || isString(clip)),
    error: "The server's hello is not complete: reload the page.",
  },
  status: {
    is: ({ level, text }) => isOneOf(level, LEVELS) && isString(text),
    error: "A status has a level (info, warning, error) and a text.",
  },
  state: {
    is: ({ source, recording, recorded, missing, disk, vmc, pictures }) =>
      isOneOf(source, SOURCE_STATES) &&
      (recording === null || isString(recording)) &&
      isNumber(recorded) &&
      isList(missing, isString) &&
      isOneOf(disk, DISK_STATES) &&
      (vmc === null || isVmcOutput(vmc)) &&
      (pictures === undefined || typeof pictures === "boolean"),
    error: "The server's state is not complete: reload the page.",
  },
  pong: {
    is: ({ client, clock }) => isNumber(client) && isNumber(clock),
    error: "A pong has the numbers client and clock.",
  },
  gone: { is: ({ subject }) => isNumber(subject), error: "A gone has the number subject." },
  tuned: {
    is: ({ smoothing, feet, hips, lag }) =>
      isNumber(smoothing) && isNumber(lag) && isOneOf(feet, FEET) && isOneOf(hips, HIPS),
    error: "A tuned has smoothing, feet, hips and lag.",
  },
};

/**
 * Reads a text message of the server.
 *
 * @returns The message; null for a type that only a later server knows.
 * @throws ProtocolError if the text is not a message, or is one of another version.
 */
export function parse(text: string): ServerText | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError(
      `The server's text messages are JSON, but “${text.slice(0, 40)}” is not.`,
    );
  }
  if (!isRecord(value) || !isString(value.type)) {
    throw new ProtocolError("The server's text messages are objects with a type.");
  }
  if (!Object.hasOwn(MESSAGES, value.type)) return null;
  if (value.type === "hello" && value.version !== VERSION) {
    throw new ProtocolError(
      `The mocap server speaks version ${String(value.version)} of the protocol and this page ` +
        `version ${VERSION}: reload the page.`,
    );
  }
  const { is, error } = MESSAGES[value.type as ServerText["type"]];
  if (!is(value)) throw new ProtocolError(error);
  return value as unknown as ServerText;
}

/** The text of a message to the server. */
export function compose(message: ClientText): string {
  return JSON.stringify(message);
}
