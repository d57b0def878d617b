// The service worker (web/site/sw.js): it keeps the site for visits without a network.

const NEW =
  "A new version of this page is ready: reload the page, its other tabs closed, to use it.";
const KEPT = "mocap.offline";

/** Registers the service worker, and has it keep what has been loaded so far. */
export async function serveOffline(base: string, say: (sentence: string) => void): Promise<void> {
  if (!("serviceWorker" in navigator) || !isSecureContext) return;
  const had = navigator.serviceWorker.controller !== null;
  window.addEventListener("beforeunload", () =>
    navigator.serviceWorker.controller?.postMessage({ leaving: true }),
  );
  try {
    const registration = await navigator.serviceWorker.register(new URL("sw.js", base));
    registration.addEventListener("updatefound", () => {
      const { installing } = registration;
      installing?.addEventListener("statechange", () => {
        if (installing.state === "installed" && had) say(NEW);
      });
    });
    navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (data === "kept") document.body.dataset.offline = "ready";
    });
    const ready = await navigator.serviceWorker.ready;
    ready.active?.postMessage({ keep: true });
    if (!localStorage.getItem(KEPT)) {
      localStorage.setItem(KEPT, "told");
      say("This page now also works without a network.");
    }
  } catch {
    // Private windows refuse it: the page works all the same, with the network.
  }
}
