// Starts the page: makes its parts and connects them.

import { AvatarPanel } from "./avatar/panel";
import { CameraChooser } from "./camera/chooser";
import { CameraSession } from "./camera/session";
import { LiveStream } from "./live";
import { DisplayLoop, seconds, Wakefulness } from "./loop";
import { PicturePanel } from "./picture/panel";
import { Player } from "./playback/player";
import { Connection, streamAddress } from "./protocol/connection";
import { ServerEvents } from "./server";
import { Guests } from "./stage/guests";
import { Performer } from "./stage/performer";
import { Stage } from "./stage/stage";
import { Status } from "./status";
import { Studio } from "./studio/client";
import { TakesPanel } from "./studio/takes";
import { surface } from "./surface";
import { Calibration } from "./ui/calibrate";
import { controlButton, onPress } from "./ui/controls";
import { byId } from "./ui/dom";
import { Messages } from "./ui/messages";
import { ServerCamerasPanel } from "./ui/server_cameras";
import { SourcesRow } from "./ui/sources";
import { balanceToolbar } from "./ui/toolbar";
import { TunePanel } from "./ui/tune";
import { VmcPanel } from "./ui/vmc";
import { View } from "./view";

const NO_WEBGL =
  "This browser cannot draw the avatar: WebGL is missing or turned off. Turn on hardware " +
  "acceleration in its settings, or open this page in a current Chrome, Edge, Firefox or Safari.";
const LOST = "The graphics card has stopped drawing; it resumes in a moment.";
/** Pixels of a page that has room for one panel at a time. */
const NARROW = 640;
const REPORT_EVERY = 250;

const messages = new Messages();
const live = new LiveStream();
const wakefulness = new Wakefulness();
const wake = (): void => wakefulness.wake();
const stage = openStage();
const picture = new PicturePanel();
const performer = new Performer(stage, messages, wake);
const guests = new Guests(
  stage,
  () => performer.address || null,
  (count) => stage?.fit((performer.avatar?.height ?? 1.7) * (1 + 0.3 * Math.min(count, 3))),
);
const player = new Player(guests, picture, wake, (sentence) =>
  messages.say("pictures", "warning", sentence),
);
const view = new View(stage, performer, picture, messages, wake, (on) => player.mirror(on));
const status = new Status(live, performer, player);

const events = new ServerEvents({ live, performer, guests, player, picture, messages, status });
const connection = new Connection(streamAddress(location), events);
const session = new CameraSession(connection, picture, messages, {
  changed: () => {
    sources.show(live.hello);
    page.sourceChanged();
    if (session.open && !session.isFile) view.setMirror(session.facesUser);
  },
  serverHasCamera: () => live.hello?.source.kind === "camera",
});
const chooser = new CameraChooser((choice) => void session.startCamera(choice));
const serverCameras = new ServerCamerasPanel(
  streamAddress(location).replace("/stream", "/cameras"),
  () => picture.bitmap,
  () => session.stop(),
);
const sources = new SourcesRow(connection, session, chooser, serverCameras, messages);
const tune = new TunePanel(connection);
const vmc = new VmcPanel(connection);
const avatars = new AvatarPanel(messages, {
  wear: (own) => performer.wear(own),
  mark: (bone) => performer.mark(bone),
  bones: () => live.hello?.skeleton.names ?? [],
  opened: () => {
    if (innerWidth <= NARROW) takes?.show(false);
  },
});
const studio = new Studio(streamAddress(location).replace("/stream", "/studio"));
let takes: TakesPanel | null = null;

events.connect({
  connection,
  session,
  sources,
  tune,
  vmc,
  takes: () => takes,
});

const calibration = new Calibration(connection, messages);
onPress("k", () => calibration.toggle());
onPress("n", () => {
  follow(null);
  const sentence = "Following the next person in view, from left to right.";
  messages.say("person", "info", sentence, 3);
});
picture.onPoint((at) => {
  if (live.hello?.source.kind === "motion") return;
  follow(at);
  messages.say("person", "info", "Following the person at this point of the picture.", 3);
});

/** Follows the person at a point of the picture, or the next person. */
function follow(at: readonly [number, number] | null): void {
  if (session.leads) session.follow(at);
  else connection.send({ type: "person", ...(at && { at }) });
}

function openStage(): Stage | null {
  try {
    const opened = new Stage(byId<HTMLCanvasElement>("stage"));
    opened.onTouch((held) => {
      wakefulness.held = held;
      wake();
    });
    opened.onLost((lost) => {
      messages.say("webgl", "warning", lost ? LOST : "");
      wake();
    });
    return opened;
  } catch {
    messages.say("webgl", "error", NO_WEBGL);
    return null;
  }
}

/** Recording, takes and the user's own character, where the server has a studio. */
async function openStudio(): Promise<void> {
  if (!(await studio.exists())) return avatars.restore();
  for (const key of ["r", "t"]) controlButton(key).hidden = false;
  takes = new TakesPanel(
    studio,
    {
      play: async (addresses, name, options) => {
        if (!live.hello) throw new Error("The page is not connected yet: try again in a moment.");
        await player.play(addresses, live.hello.skeleton.names, options);
        status.playing(name);
      },
      live: () => {
        player.close();
        status.playing(null);
      },
      marks: () => player.transport,
      character: () => avatars.address,
      layOver: (on) => player.layOver(on),
      canOverlay: () => player.canOverlay,
      // Loaded with the first film, so that the page does not wait for the encoder.
      film: async (options) =>
        (await import("./studio/film")).film(
          { stage, performer, guests, player, live, view },
          options,
        ),
    },
    messages,
  );
  takes.state(live.server);
  await avatars.useStudio(studio);
}

new DisplayLoop({ stage, performer, guests, picture, player, live, connection, view }, wakefulness);
balanceToolbar(byId("controls"));
window.setInterval(() => status.report(seconds()), REPORT_EVERY);
/** The parts that the page without an install (site/) adds to. */
export const page = {
  live,
  stage,
  messages,
  player,
  status,
  session,
  avatars,
  studio,
  /** Bakes a take and shows it. */
  openTake: async (name: string): Promise<void> => takes?.open(name),
  /** Called when the page's camera has started, stopped or become active. */
  sourceChanged: (): void => undefined,
};
export type ViewerPage = typeof page;

window.mocap = surface(performer, guests, live, session, () => status.state(seconds()));
void openStudio();
