// What this page adds to the viewer: the sample motion, a video that is baked, conversion of a
// motion's file, the choice of the detector, and what it says about itself.

import type { ViewerPage } from "../main";
import { transport } from "../transport";
import { button, byId, choice, element, reasonOf, row } from "../ui/dom";
import { chooseDetector, DETECTORS, type Detector, detectorFolder } from "./detector";
import type { LocalTransport } from "./local";
import { bakeVideo } from "./video";

const SAMPLE = "demo/clip";
const PRIVATE =
  "Everything runs in this page. No picture and no movement leaves this device; nothing is " +
  "uploaded.";
const ONLY_INSTALLED =
  "The installed mocap also sends to VSeeFace, Warudo and VNyan (VMC), uses phones as cameras, " +
  "and bakes many files: uvx anymocap demo";
const MOTIONS = /\.(bvh|fbx|vrma|json|jsonl|glb)$/i;
const WRITES = {
  ".bvh": "BVH",
  ".glb": "GLB",
  ".vrm": "VRM",
  ".vrma": "VRMA",
  ".fbx": "FBX",
  ".csv": "CSV, joint angles",
  ".mot": "MOT, OpenSim",
  ".trc": "TRC, places",
};
/** Milliseconds a picture from which the lighter detector is advised. */
const SLOW = 160;

export function addToPage(page: ViewerPage, local: LocalTransport, base: string): void {
  const { messages, player, status, session } = page;
  let live = false;

  const endSample = (): void => document.body.removeAttribute("data-sample");
  const playSample = async (): Promise<void> => {
    while (!page.live.hello) await new Promise((resolve) => window.setTimeout(resolve, 30));
    if (live || player.on) return;
    await player.play([new URL(SAMPLE, base).href], page.live.hello.skeleton.names, {
      wanted: () => !live,
    });
    if (!live) document.body.dataset.sample = "";
  };
  page.sourceChanged = () => {
    if (!session.leads || live) {
      if (!session.open) live = false;
      return;
    }
    live = true;
    endSample();
    player.close();
    status.playing(null);
  };
  byId("takes").addEventListener("click", endSample);
  void playSample().catch((error: unknown) =>
    messages.say("clip", "error", `The sample motion could not be shown: ${reasonOf(error)}.`),
  );

  const video = picker("video/*", (file) => {
    session.stop();
    endSample();
    player.close();
    status.playing(null);
    live = true;
    void bakeVideo(file, local, page).catch((error: unknown) =>
      messages.say("bake", "error", reasonOf(error), 20),
    );
  });
  const sources = byId("sources");
  sources.append(
    button("Bake a video…", () => video.click(), {
      title: "Detect every frame of a video file, then bake the whole take",
    }),
    button("Convert a motion…", () => converter.toggleAttribute("hidden"), {
      title: "A BVH, FBX, GLB, VRMA or keypoints file onto this character",
    }),
    button("About", () => about.toggleAttribute("hidden"), { title: "What this page does" }),
  );

  const format = choice(WRITES, "File format", () => undefined);
  const motion = picker(".bvh,.fbx,.glb,.vrma,.json,.jsonl", (file) => void convert(file));
  const convert = async (file: File): Promise<void> => {
    converter.hidden = false;
    messages.say("convert", "info", `Converting ${file.name}…`);
    try {
      const rig = page.avatars.address;
      const made = await local.convert(file, format.value, rig);
      session.stop();
      live = true;
      endSample();
      await player.play([made.clip], page.live.hello!.skeleton.names);
      status.playing(file.name);
      messages.say("convert", "info", `${made.name}: ${made.frames} frames.`, 12);
      const link = element("a", `Save ${made.name}`, { class: "save" });
      link.href = transport.link(made.file);
      link.download = made.name;
      result.replaceChildren(link);
    } catch (error) {
      messages.say("convert", "error", reasonOf(error), 20);
    }
  };
  const result = element("p");
  const chosen = element("p");
  const character = picker(".fbx,.glb,.vrm,.bvh", (file) => {
    messages.say("convert", "info", `Reading ${file.name}…`);
    local.onto(file).then(
      (said) => {
        messages.clear("convert");
        chosen.textContent = `Onto ${file.name}: ${said.join(" ")}`;
        const suffix = /\.\w+$/.exec(file.name.toLowerCase())?.[0] ?? "";
        if (suffix in WRITES) format.value = suffix;
      },
      (error: unknown) => messages.say("convert", "error", reasonOf(error), 20),
    );
  });
  const converter = panel(
    "converter",
    "Convert a motion",
    element(
      "p",
      "Drop a BVH, FBX, GLB, VRMA or keypoints file here or choose it. It moves onto the " +
        "character that is shown (Avatar) and is written in this format:",
    ),
    row(
      format,
      button("Choose a file…", () => motion.click(), { class: "primary" }),
    ),
    row(
      button("Onto another character…", () => character.click(), {
        title: "An FBX, GLB, VRM or BVH character that the page need not show",
      }),
    ),
    chosen,
    result,
  );
  // Motions that are dropped come here before the avatar's panel sees them.
  window.addEventListener(
    "drop",
    (event) => {
      const [file] = event.dataTransfer?.files ?? [];
      const wanted = file && MOTIONS.test(file.name);
      if (!wanted || (/\.glb$/i.test(file.name) && converter.hidden)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      document.body.removeAttribute("data-drop");
      void (async () => {
        const isAvatar =
          converter.hidden &&
          /\.fbx$/i.test(file.name) &&
          (await import("../avatar/fbx")).hasBody(await file.arrayBuffer());
        await (isAvatar ? page.avatars.take(file) : convert(file));
      })();
    },
    { capture: true },
  );

  const detector = choice(DETECTORS, "Detector", (name) => {
    chooseDetector(name);
    const open = session.open && !session.isFile;
    messages.say("detector", "info", `Detector: ${DETECTORS[name as Detector]}.`, 4);
    if (open) void session.stop();
  });
  detector.value = detectorFolder();
  const about = panel(
    "about",
    "About this page",
    element("p", PRIVATE),
    element("p", "It works without a network once it has been loaded, and can be installed."),
    row(element("span", "Detector"), detector),
    element("p", ONLY_INSTALLED),
  );
  byId("title").append(element("p", PRIVATE, { class: "private" }));
  watchSpeed(page);
  window.mocapSite = {
    feed: async (frames) => {
      local.took.length = 0;
      for (const frame of frames) {
        await local.solved([Uint8Array.from(atob(frame), (c) => c.charCodeAt(0)).buffer]);
      }
      return [...local.took];
    },
  };
}

declare global {
  interface Window {
    /** For tests and benchmarks: solves frames in base64; returns milliseconds of each. */
    mocapSite: { feed(frames: readonly string[]): Promise<number[]> };
  }
}

/** Advises the lighter detector where this device is too slow for the chosen one. */
function watchSpeed(page: ViewerPage): void {
  let told = false;
  window.setInterval(() => {
    const { took } = page.session;
    if (told || took === null || took < SLOW || detectorFolder() === "lite-body") return;
    told = true;
    chooseDetector("lite-body");
    page.session.stop();
    page.messages.say(
      "detector",
      "warning",
      `This device needs ${Math.round(took)} ms for a picture, so that the page has changed to ` +
        "the fast detector of the body alone: choose the camera again.",
      20,
    );
  }, 2000);
}

function picker(accept: string, chosen: (file: File) => void): HTMLInputElement {
  const input = element("input");
  input.type = "file";
  input.accept = accept;
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = "";
    if (file) chosen(file);
  });
  return input;
}

function panel(id: string, title: string, ...children: readonly Node[]): HTMLElement {
  const made = element("section", "", { class: "panel side site", label: title });
  made.id = id;
  made.hidden = true;
  const head = element("header");
  head.append(
    element("h2", title),
    button("Close", () => {
      made.hidden = true;
    }),
  );
  made.append(head, ...children);
  document.body.append(made);
  return made;
}
