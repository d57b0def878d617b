// Keeps the site for visits without a network. The build fills in the version and the files with
// the first letters of their hashes. A new version is fetched beside the old one, unchanged files
// are carried over, and it takes over whole at the next load of the page: no page mixes two
// versions.

const VERSION = "@VERSION@";
const FILES = /* @FILES@ */ {};
const CACHE = `mocap ${VERSION}`;
/** Kept uncompressed, since each later visit starts from them. The page itself looks for them. */
const UNCOMPRESSED = ["python/packages.gz", "python/memory.gz"];
const ROOT = new URL("./", self.location.href).href;

const nameOf = (url) => {
  const plain = url.split(/[?#]/)[0];
  if (!plain.startsWith(ROOT)) return null;
  return plain.slice(ROOT.length) || "index.html";
};
const keyOf = (name) => `${ROOT}${name}?${FILES[name]}`;

/** Copies unchanged files from older versions' caches. Returns the names of all their files. */
async function carryOver() {
  const cache = await caches.open(CACHE);
  const kept = new Set();
  for (const other of await caches.keys()) {
    if (other === CACHE || !other.startsWith("mocap ")) continue;
    const old = await caches.open(other);
    for (const { url } of await old.keys()) kept.add(nameOf(url));
    for (const name of Object.keys(FILES)) {
      const found = await old.match(keyOf(name));
      if (found) await cache.put(keyOf(name), found);
    }
  }
  return kept;
}

/** Whether an answer has the bytes that this version was built with. */
async function isOfThisVersion(name, answer) {
  const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
  const hash = Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
  return hash.startsWith(FILES[name]);
}

/** An answer as it is kept. */
function kept(name, answer) {
  if (!UNCOMPRESSED.includes(name)) return answer;
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip")));
}

async function load(name) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(keyOf(name));
  if (found) return found;
  const answer = await fetch(`${ROOT}${name}`, { cache: "no-cache" });
  const [copy, judged] = [answer.clone(), answer.clone()];
  if (answer.ok && (await isOfThisVersion(name, judged))) {
    await cache.put(keyOf(name), kept(name, copy));
  }
  return answer;
}

/** Fetches a file. Throws an Error if the host has it of another version, or not at all. */
async function need(name) {
  await load(name);
  const cache = await caches.open(CACHE);
  if (!(await cache.match(keyOf(name)))) throw new Error(`${name} is not of this version`);
}

// A new version has all that the one before has kept before it can take over. Files of a host that
// is being updated meanwhile do not fit: the browser tries again at the next visit.
self.addEventListener("install", (event) => {
  const install = async () => {
    const kept = await carryOver();
    const large = Object.keys(FILES).filter((name) => kept.size > 0 && !isLater(name));
    for (const name of ["index.html", ...large]) await need(name);
  };
  event.waitUntil(install());
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

/** When each page said that it is left or loaded again, milliseconds, by its client. */
const leaving = new Map();
const LEAVES_WITHIN = 10_000;

/** Whether this load of the page may go to a new version: no other page shows the old one. */
async function handsOver({ mode }) {
  if (mode !== "navigate" || !self.registration.waiting) return false;
  const stays = ({ id }) => Date.now() - (leaving.get(id) ?? 0) > LEAVES_WITHIN;
  return !(await self.clients.matchAll()).some(stays);
}

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const name = nameOf(event.request.url);
  if (name === null || !(name in FILES) || UNCOMPRESSED.includes(name)) return;
  const answer = async () => {
    if (!(await handsOver(event.request))) return load(name);
    self.registration.waiting.postMessage({ takeOver: true });
    return new Response("", { headers: { Refresh: "0" } }); // load again, by the new version
  };
  event.respondWith(answer());
});

/** Whether a file is fetched when it is chosen: the detector's larger models. */
const isLater = (name) => /-all\/|face\.task|hand\.task|pose_full/.test(name);

// The page asks for this when it runs: everything that it may need later is kept now.
self.addEventListener("message", (event) => {
  if (event.data?.takeOver) event.waitUntil(self.skipWaiting());
  if (event.data?.leaving) leaving.set(event.source.id, Date.now());
  if (!event.data?.keep) return;
  const keep = async () => {
    for (const name of Object.keys(FILES)) {
      if (!isLater(name)) await load(name);
    }
    event.source?.postMessage("kept");
  };
  event.waitUntil(keep());
});
