// The page that needs no install: the viewer, with a worker that runs mocap in the server's place.

import "./site.css";

import { prepareDetector, unsupported } from "../camera/camera";
import { useTransport } from "../transport";
import { reasonOf } from "../ui/dom";
import { unusable } from "./able";
import { detectorFolder } from "./detector";
import { LoadingBar } from "./loading";
import { LocalTransport } from "./local";
import { serveOffline } from "./offline";

/** Milliseconds from the start to keeping the site, so that a camera is followed first. */
const KEEP_AFTER = 5000;
const base = new URL("./", location.href).href;
const bar = new LoadingBar();
const reason = unusable();
if (reason) bar.failed(reason);
else void begin();

async function begin(): Promise<void> {
  const starting = new Set(["solver"]);
  const local = new LocalTransport(base, detectorFolder, {
    progress: (loaded, total, what) => bar.show(loaded, total, what),
    ready: (resumed) => {
      bar.done();
      starting.delete("solver");
      if (resumed) document.body.dataset.resumed = "";
      document.body.dataset.solver = "ready";
      window.setTimeout(keep, KEEP_AFTER);
    },
    failed: (sentence) => {
      bar.failed(sentence);
      starting.delete("solver");
    },
    warning: (sentence) => shown?.("storage", sentence),
  });
  useTransport(local);
  document.body.dataset.site = "";
  // Both workers start before the viewer, whose first drawing keeps the page busy.
  if (!unsupported() && !savesData()) {
    starting.add("detector");
    prepareDetector(local.models(), () => starting.delete("detector"));
  }
  await local.started;
  const [{ page }, { addToPage }] = await Promise.all([import("../main"), import("./page")]);
  addToPage(page, local, base);
  const { session, stage } = page;
  if (stage) stage.starting = () => starting.size > 0 || (session.open && !session.leads);
  shown = (key, sentence) => page.messages.say(key, "info", sentence, 20);
}

/** Keeps the site for visits without a network. */
function keep(): void {
  void serveOffline(base, (sentence) => shown?.("offline", sentence));
}

/** Whether the visitor asks pages to load little. */
function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}

let shown: ((key: string, sentence: string) => void) | null = null;

window.addEventListener("unhandledrejection", ({ reason: error }) =>
  shown?.("error", `Something failed: ${reasonOf(error)}.`),
);
