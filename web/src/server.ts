// What the page does with each event of its connection to the server.

import type { CameraSession } from "./camera/session";
import type { LiveStream } from "./live";
import { seconds } from "./loop";
import type { PicturePanel } from "./picture/panel";
import type { Player } from "./playback/player";
import type { KeypointsMessage, PictureMessage, PoseMessage } from "./protocol/binary";
import type { Connection, ConnectionListener, ConnectionState } from "./protocol/connection";
import type { Gone, Hello, ServerState, Status as ServerStatus, Tuned } from "./protocol/text";
import type { Guests } from "./stage/guests";
import type { Performer } from "./stage/performer";
import type { Status } from "./status";
import type { TakesPanel } from "./studio/takes";
import { controlButton } from "./ui/controls";
import { reasonOf } from "./ui/dom";
import type { Messages } from "./ui/messages";
import { missingSentence } from "./ui/presence";
import type { SourcesRow } from "./ui/sources";
import type { TunePanel } from "./ui/tune";
import type { VmcPanel } from "./ui/vmc";

const OFFLINE = "The mocap server is not answering; it will be picked up as soon as it is back.";
const DISK = {
  ok: "",
  low: "The disk is nearly full: free some space before you record.",
  full: "The disk is full: recording has stopped. Free some space.",
} as const;
/** Seconds that a message of the server stays: an error until there is a newer one. */
const STAYS = { info: 8, warning: 15, error: Infinity } as const;
/** The controls that a played motion has no use for. */
const OF_CAMERAS = ["k", "n", "u", "x"];

/** The parts of the page that show what the server sends. */
export interface Receivers {
  readonly live: LiveStream;
  readonly performer: Performer;
  readonly guests: Guests;
  readonly player: Player;
  readonly picture: PicturePanel;
  readonly messages: Messages;
  readonly status: Status;
}

/** The parts that send to the server as well. */
export interface Senders {
  readonly connection: Connection;
  readonly session: CameraSession;
  readonly sources: SourcesRow;
  readonly tune: TunePanel;
  readonly vmc: VmcPanel;
  readonly takes: () => TakesPanel | null;
}

export class ServerEvents implements ConnectionListener {
  private senders: Senders | null = null;

  constructor(private readonly to: Receivers) {}

  /** Adds the parts that need the connection; it sends no event before the page's script ends. */
  connect(senders: Senders): void {
    this.senders = senders;
  }

  connection(state: ConnectionState): void {
    const { live, guests, messages, status } = this.to;
    live.connection = state;
    if (state === "open") {
      live.reset();
      guests.clear();
      this.senders?.session.reconnected();
      this.senders?.tune.reconnected();
      messages.clear("trouble");
    } else this.showServerState(null);
    if (state === "connecting") {
      messages.say("connection", "info", "Connecting to the mocap server…");
    } else messages.say("connection", "warning", state === "gone" ? OFFLINE : "");
    if (state === "gone") messages.clear("server");
    status.report(seconds());
  }

  hello(hello: Hello): void {
    const { live, performer, picture, status } = this.to;
    const before = live.hello;
    live.hello = hello;
    this.drop(live.take());
    status.showSource();
    // The same source after a lost connection keeps its last picture, as the last pose stays.
    if (JSON.stringify(hello.source) !== JSON.stringify(before?.source)) picture.open(hello.source);
    this.senders?.sources.show(hello);
    for (const key of OF_CAMERAS) {
      controlButton(key).toggleAttribute("hidden", hello.source.kind === "motion");
    }
    performer.greet(hello);
    void this.playMotion(hello);
  }

  status({ level, text }: ServerStatus): void {
    this.to.messages.say("server", level, text, STAYS[level]);
  }

  state(state: ServerState): void {
    this.showServerState(state);
  }

  picture(picture: PictureMessage): void {
    // The page's own camera shows its own pictures.
    if (!this.senders?.session.leads) this.to.picture.receive(picture);
  }

  keypoints(keypoints: KeypointsMessage): void {
    const own = this.senders?.session.leads;
    if (!own && keypoints.subject === 0) this.to.picture.points(keypoints);
  }

  pose(pose: PoseMessage): void {
    const { live, guests, player } = this.to;
    const connection = this.senders?.connection;
    if (pose.subject === 0) {
      live.pending = pose;
      const clock = connection?.clock.at(seconds()) ?? null;
      live.answered = clock === null ? null : 1e3 * (clock - pose.clock);
    } else if (player.on) connection?.ack(pose.frame);
    else guests.pose(pose, seconds());
  }

  tuned(tuned: Tuned): void {
    this.senders?.tune.show(tuned);
  }

  gone({ subject }: Gone): void {
    this.drop(this.to.guests.remove(subject));
  }

  /** Acknowledges a pose that is never drawn: the server waits for it before it sends others. */
  private drop(pose: PoseMessage | null): void {
    if (pose) this.senders?.connection.ack(pose.frame);
  }

  trouble(sentence: string): void {
    this.to.messages.say("trouble", "error", sentence, 15);
  }

  /** Shows the server's state; null while there is no connection. */
  private showServerState(state: ServerState | null): void {
    const { live, picture, messages } = this.to;
    live.server = state;
    this.senders?.takes()?.state(state);
    this.senders?.session.keepPictures(state?.pictures ?? false);
    this.senders?.vmc.show(state?.vmc ?? null);
    const missing = missingSentence(state?.missing ?? []);
    picture.say(missing);
    // Without a picture the sentence is a message.
    const person = state?.missing.includes("person") && !picture.visible;
    messages.say("missing", "info", person ? missing : "");
    messages.say("disk", state?.disk === "full" ? "error" : "warning", DISK[state?.disk ?? "ok"]);
  }

  /** Plays the motion of a server that has no stream. */
  private async playMotion(hello: Hello): Promise<void> {
    const { live, player, messages, status } = this.to;
    const address = hello.clip === undefined ? null : new URL(hello.clip, location.href).href;
    // The same motion, or a take, goes on after a lost connection.
    const now = player.address;
    if (now !== null && (now === address || now.includes("/takes/"))) return;
    player.close();
    if (!address) return;
    try {
      const wanted = (): boolean => live.hello === hello;
      await player.play([address], hello.skeleton.names, { wanted });
    } catch (error) {
      const sentence =
        `The motion ${hello.source.name} could not be shown: ${reasonOf(error)}. ` +
        "Reload the page to try again.";
      messages.say("clip", "error", sentence);
    }
    status.report(seconds());
  }
}
