// The page: what comes from the connection goes to the stage, the picture and the figures, once a display frame, the newest only.

import { Lead } from "./camera/session";
import { Player } from "./playback/player";
import type { PoseMessage } from "./protocol/binary";
import { type Figures, Meter } from "./protocol/clock";
import { Connection, type ConnectionState, streamAddress } from "./protocol/connection";
import type { Hello } from "./protocol/text";
import { Background } from "./stage/background";
import { Guests } from "./stage/guests";
import { Performer } from "./stage/performer";
import { Stage } from "./stage/stage";
import { CharacterPanel } from "./studio/character";
import { Studio } from "./studio/client";
import { TakesPanel } from "./studio/takes";
import { Calibration } from "./ui/calibrate";
import { Hud, type Shown } from "./ui/hud";
import { PicturePanel } from "./ui/picture";
import { Sources } from "./ui/sources";
import { TunePanel } from "./ui/tune";

const GONE = "The mocap server is not answering; it will be picked up as soon as it is back.";
const NO_WEBGL =
  "This browser cannot draw the avatar: WebGL is missing or turned off. Turn on hardware acceleration, or open the page in another browser.";
/** Seconds that hair and cloth take to come to rest after the last pose, and the camera after the last touch. */
const SETTLE = 1.5;
/** Poses that come within so many seconds of each other are a stream. */
const BETWEEN = 0.12;
/** A source that sends nothing for so long (seconds) is waited for. */
const STILL = 1.5;
/** Pixels of a page that has room for one list at a time. */
const NARROW = 640;

const seconds = (): number => performance.now() / 1000;

/** The page's surface for tests: what was drawn last, in world metres, and the figures of the display. */
interface Surface {
  /** World positions of the avatar's normalized humanoid bones after the last drawn frame, metres. */
  bonePositions(): Record<string, [number, number, number]>;
  /** The same of the performers beside the first, by their subject. */
  guests(): Record<number, Record<string, [number, number, number]>>;
  /** The weights of the avatar's expressions after the last drawn frame. */
  expressions(): Record<string, number>;
  /** The number of the last drawn frame, −1 before the first. */
  frame(): number;
  /** Milliseconds: `detector` for the page's own camera's last picture, `answered` from the last picture's arrival to its pose's. */
  stats(): Figures & {
    readonly state: Shown;
    readonly detector: number | null;
    readonly answered: number | null;
  };
}

declare global {
  interface Window {
    mocap: Surface;
  }
}

class Page {
  private readonly hud = new Hud();
  private readonly picture = new PicturePanel(document.querySelector<HTMLElement>("#picture")!);
  private readonly meter = new Meter();
  private readonly stage = this.openStage();
  private readonly performer = new Performer(this.stage, this.hud, () => this.wake());
  private readonly guests = new Guests(
    this.stage,
    () => this.performer.loading || null,
    (count) =>
      this.stage?.fit((this.performer.avatar?.height ?? 1.7) * (1 + 0.3 * Math.min(count, 3))),
  );
  private readonly connection: Connection;
  private readonly lead: Lead;
  private readonly sources: Sources;
  private readonly tune: TunePanel;
  private state: ConnectionState = "connecting";
  private hello: Hello | null = null;
  /** The newest pose that is not drawn yet. */
  private pending: PoseMessage | null = null;
  private answered: number | null = null;
  private mirror = false;
  private setMirror: (on: boolean) => void = () => undefined;
  /** Until when there is something to draw without a new pose, and when the last pose came. */
  private awake = 0;
  private posed = -Infinity;
  private held = false;
  private resting = false;
  private ticked = seconds();
  private drew = seconds();
  /** What the page plays by itself: a take, or a motion where the server has no stream. */
  private readonly player = new Player(this.guests, () => this.wake());

  constructor() {
    this.colours();
    this.switches();
    this.hud.stage(true);
    this.connection = new Connection(streamAddress(location), {
      connection: (state) => this.connected(state),
      hello: (hello) => this.greet(hello),
      // Words that only inform go by themselves; a warning stays longer, an error until there is something newer to say.
      status: ({ level, text }) =>
        this.hud.say("server", level, text, { info: 8, warning: 15, error: Infinity }[level]),
      picture: (picture) => this.picture.picture(picture),
      // What the page's own camera sees is there already, with its picture.
      keypoints: (keypoints) =>
        this.lead.on || keypoints.subject > 0 || this.picture.points(keypoints),
      pose: (pose) => this.posedFor(pose),
      tuned: (tuned) => this.tune.tuned(tuned),
      state: () => undefined,
      gone: ({ subject }) => this.guests.gone(subject),
      trouble: (sentence) => this.hud.say("trouble", "error", sentence, 15),
    });
    this.lead = new Lead(this.connection, this.picture, this.hud, () => {
      this.sources.show();
      // Before one's own camera one expects a mirror.
      if (this.lead.on && !this.lead.file) this.setMirror(true);
    });
    this.sources = new Sources(this.connection, this.lead, this.hud, () => this.hello);
    this.tune = new TunePanel(this.connection, this.hud);
    const calibration = new Calibration(this.connection, this.hud);
    this.hud.press("k", () => calibration.toggle());
    this.hud.press("n", () => this.nextPerson());
    void this.openStudio();
    window.setInterval(() => this.report(), 250);
    requestAnimationFrame(() => this.tick());
  }

  /** Another one of the people in view. */
  private nextPerson(): void {
    if (this.lead.on) this.lead.nextPerson();
    else this.connection.send({ type: "person" });
    this.hud.say("person", "info", "Following the next person in view, from left to right.", 3);
  }

  /** Recording, takes and one's own character, where the server has a studio. */
  private async openStudio(): Promise<void> {
    const studio = new Studio(streamAddress(location).replace("/stream", "/studio"));
    if (!(await studio.there())) return;
    const character = new CharacterPanel(
      studio,
      this.hud,
      (address) => this.performer.wear(address),
      () => window.innerWidth <= NARROW && takes.show(false),
    );
    const takes = new TakesPanel(
      studio,
      {
        play: (addresses, name) => this.play(addresses, name),
        live: () => this.live(),
        marks: () => this.player.transport,
        character: () => character.address,
      },
      this.hud,
    );
    for (const [key, pressed] of [
      ["r", () => void takes.toggleRecording()],
      ["t", () => takes.toggle()],
    ] as const) {
      document.querySelector(`#controls [data-key="${key}"]`)!.removeAttribute("hidden");
      this.hud.press(key, pressed);
    }
    void takes.refresh();
  }

  /** Plays clips in the stream's place, on the same skeleton and with the same expressions. */
  private async play(addresses: readonly [string, string?], name: string): Promise<void> {
    if (!this.hello)
      throw new Error("The server has not said yet what it shows: try again in a moment.");
    await this.player.play(addresses, this.hello.skeleton.names);
    this.hud.source(name);
    this.report();
  }

  private live(): void {
    this.player.close();
    this.hud.source(this.hello?.source.name ?? "");
    this.report();
  }

  surface(): Surface {
    return {
      bonePositions: () => this.performer.avatar?.bonePositions() ?? {},
      guests: () => this.guests.bonePositions(),
      expressions: () => this.performer.avatar?.expressions() ?? {},
      frame: () => this.performer.last?.frame ?? -1,
      stats: () => ({
        state: this.shown(),
        detector: this.lead.took,
        answered: this.answered,
        ...this.meter.figures(seconds()),
      }),
    };
  }

  private openStage(): Stage | null {
    try {
      const stage = new Stage(document.querySelector<HTMLCanvasElement>("#stage")!);
      stage.onTouch((held) => {
        this.held = held;
        this.wake();
      });
      stage.onLost((lost) => {
        this.hud.say(
          "webgl",
          "warning",
          lost ? "The graphics card has taken the drawing away; it comes back in a moment." : "",
        );
        this.wake();
      });
      return stage;
    } catch {
      this.hud.say("webgl", "error", NO_WEBGL);
      return null;
    }
  }

  private colours(): void {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const apply = (): void => {
      this.stage?.colours(dark.matches);
      this.wake();
    };
    dark.addEventListener("change", apply);
    apply();
    const resize = (): void => {
      const canvas = document.querySelector("#stage")!;
      this.stage?.resize(canvas.clientWidth, canvas.clientHeight);
      this.wake();
    };
    window.addEventListener("resize", resize);
    resize();
  }

  private switches(): void {
    this.hud.toggle("s", (on) => this.performer.showSkeleton(on));
    this.hud.toggle("p", (on) =>
      document.querySelector("#picture")!.toggleAttribute("hidden", !on),
    );
    this.setMirror = this.hud.toggle("m", (on) => {
      this.mirror = on;
      this.picture.mirror(on);
      this.performer.showMirrored(on);
    });
    this.hud.toggle("f", (on) => {
      this.stage?.follow(on);
      this.wake();
    });
    this.hud.toggle("h", (on) => this.hud.hidePanels(on), false);
    const background = new Background(
      (on) => {
        this.stage?.showFloor(on);
        this.wake();
      },
      (sentence) => this.hud.say("background", "info", sentence, 5),
    );
    this.hud.press("b", () => background.next());
  }

  private connected(state: ConnectionState): void {
    this.state = state;
    if (state === "open") {
      this.pending = null;
      this.guests.clear();
      this.meter.reset();
      this.lead?.again();
      this.tune?.again();
      this.hud.say("trouble", "info", "");
    }
    // A slow attempt alone is worth a word; a quick one would only flash.
    if (state === "connecting")
      this.hud.say("connection", "info", "Connecting to the mocap server…");
    else this.hud.say("connection", "warning", state === "gone" ? GONE : "");
    if (state === "gone") this.hud.say("server", "info", "");
    this.report();
  }

  private greet(hello: Hello): void {
    const before = this.hello;
    this.hello = hello;
    this.pending = null;
    if (!this.player.on) this.hud.source(hello.source.name);
    // The same source after a lost connection: its last picture stays, as the last pose does.
    if (JSON.stringify(hello.source) !== JSON.stringify(before?.source))
      this.picture.open(hello.source);
    this.sources.show();
    for (const key of ["k", "n", "u"]) {
      document
        .querySelector(`#controls [data-key="${key}"]`)!
        .toggleAttribute("hidden", hello.source.kind === "motion");
    }
    if (hello.source.kind === "browser" && !before)
      this.hud.say("camera", "info", "Press C to begin with this device's camera.", 30);
    else if (hello.source.kind === "browser" && !this.lead.on) this.hud.say("camera", "info", "");
    this.performer.greet(hello);
    void this.open(hello);
  }

  private async open(hello: Hello): Promise<void> {
    const address = hello.clip === undefined ? null : new URL(hello.clip, location.href).href;
    // The same clip after a lost connection plays on, and so does a take of the studio's.
    if (
      this.player.address !== null &&
      (address === this.player.address || this.player.address.includes("/takes/"))
    )
      return;
    this.player.close();
    if (!address) return;
    try {
      await this.player.play([address], hello.skeleton.names, () => this.hello === hello);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.hud.say(
        "clip",
        "error",
        `The motion ${hello.source.name} could not be shown: ${reason}. Reload the page to try again.`,
      );
    }
    this.report();
  }

  private posedFor(pose: PoseMessage): void {
    if (pose.subject === 0) {
      this.pending = pose;
      const clock = this.connection.clock.at(seconds());
      this.answered = clock === null ? null : 1e3 * (clock - pose.clock);
    } else if (this.player.on) this.connection.ack(pose.frame);
    else this.guests.pose(pose, seconds());
  }

  private wake(): void {
    this.awake = seconds() + SETTLE;
  }

  private tick(): void {
    requestAnimationFrame(() => this.tick());
    const now = seconds();
    const elapsed = now - this.ticked;
    this.ticked = now;
    const playing = this.player.on;
    const pose = playing ? this.player.advance(elapsed, now) : this.pending;
    const others = this.hello ? this.guests.apply(this.hello, this.mirror, now) : -1;
    // What is live goes on behind a take, so that it is there at once when it is wanted again.
    if (playing && this.pending) this.connection.ack(this.pending.frame);
    this.pending = null;
    if (pose) {
      this.performer.pose(pose);
      this.posed = now;
    }
    this.stage?.adapt(elapsed);
    // While poses come, one drawing a pose: the machine may be detecting at the same time. After them, what swings comes to rest.
    const settling = now - this.posed > BETWEEN && now - this.posed < SETTLE;
    const moving = pose !== null || others >= 0 || settling || this.held || now < this.awake;
    if (moving || !this.resting) this.draw(now, !moving);
    this.resting = !moving;
    this.picture.draw();
    const newest = Math.max(pose?.frame ?? -1, others);
    if (newest >= 0 && !playing) this.connection.ack(newest);
    if (pose && !playing) {
      const drawn = seconds();
      const clock = this.connection.clock.at(drawn);
      // Not counted: what nobody saw, and the drawing that first brought the avatar to the graphics card.
      const seen = !this.stage || this.performer.seen;
      if (seen && !this.performer.fresh)
        this.meter.add(pose.frame, drawn, clock === null ? null : clock - pose.clock);
      this.performer.fresh = false;
    }
  }

  private draw(now: number, resting: boolean): void {
    const elapsed = Math.min(now - this.drew, 0.1);
    this.drew = now;
    const { avatar } = this.performer;
    avatar?.update(elapsed);
    this.guests.update(elapsed);
    this.stage?.draw(this.performer.hips(), avatar?.nearGround() ?? [], elapsed, resting);
  }

  private shown(): Shown {
    if (this.state !== "open") return this.state;
    if (!this.hello || (!this.performer.avatar && this.performer.loading)) return "loading";
    if (this.player.transport) return this.player.transport.playing ? "playing" : "paused";
    return this.meter.figures(seconds()).idle < STILL ? "live" : "waiting";
  }

  private report(): void {
    this.hud.state(this.shown());
    this.hud.figures(this.meter.figures(seconds()));
  }
}

window.mocap = new Page().surface();
