// Keeps the site for visits without a network. The build fills in the version and the files with
// the first letters of their hashes. A new version takes over when the page is reloaded: unchanged
// files are carried over, the others are fetched again.

const VERSION = "@VERSION@";
const FILES = /* @FILES@ */ {};
const CACHE = `mocap ${VERSION}`;
const ROOT = new URL("./", self.location.href).href;

const nameOf = (url) => {
  const plain = url.split(/[?#]/)[0];
  if (!plain.startsWith(ROOT)) return null;
  return plain.slice(ROOT.length) || "index.html";
};
const keyOf = (name) => `${ROOT}${name}?${FILES[name]}`;

async function carryOver() {
  const cache = await caches.open(CACHE);
  for (const other of await caches.keys()) {
    if (other === CACHE || !other.startsWith("mocap ")) continue;
    const old = await caches.open(other);
    for (const name of Object.keys(FILES)) {
      const found = await old.match(keyOf(name));
      if (found) await cache.put(keyOf(name), found);
    }
  }
}

async function load(name) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(keyOf(name));
  if (kept) return kept;
  const answer = await fetch(`${ROOT}${name}`, { cache: "no-cache" });
  if (answer.ok) await cache.put(keyOf(name), answer.clone());
  return answer;
}

self.addEventListener("install", (event) => {
  event.waitUntil(carryOver().then(() => load("index.html")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("mocap ") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const name = nameOf(event.request.url);
  if (name !== null && name in FILES) event.respondWith(load(name));
});

// The page asks for this when it runs: everything that it may need later is kept now.
self.addEventListener("message", (event) => {
  if (!event.data?.keep) return;
  const keep = async () => {
    for (const name of Object.keys(FILES)) {
      if (!/-all\/|face\.task|hand\.task|pose_full/.test(name)) await load(name);
    }
    event.source?.postMessage("kept");
  };
  event.waitUntil(keep());
});
