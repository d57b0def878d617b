// The user's avatars in the browser's storage (IndexedDB), with their corrected bone maps, so that
// a reload keeps them and the last ones are offered again. Without storage (a private window of
// some browsers) nothing is kept.

export interface StoredAvatar {
  /** Identifies the file by its content. */
  readonly key: string;
  readonly file: File;
  /** Corrected bones: bone → node, empty for none. */
  readonly bones: Readonly<Record<string, string>>;
  /** When it was shown last, milliseconds. */
  readonly used: number;
}

const DATABASE = "mocap";
const STORE = "avatars";
/** Avatars that are kept; the least recently used one is dropped. */
const KEPT = 5;

/** Identifies a file by its content, or by name and size where the browser has no digest. */
export async function keyOf(file: File): Promise<string> {
  // Only pages of this machine or over HTTPS have it.
  if (!crypto.subtle) return `${file.name}:${file.size}`;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run<T>(
  mode: IDBTransactionMode,
  what: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = what(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    database.close();
  }
}

/** The stored avatars, the last used first. */
export async function storedAvatars(): Promise<StoredAvatar[]> {
  const all = await run<StoredAvatar[]>("readonly", (store) => store.getAll()).catch(() => []);
  return all.sort((a, b) => b.used - a.used);
}

export async function storedAvatar(key: string): Promise<StoredAvatar | null> {
  return (await storedAvatars()).find((avatar) => avatar.key === key) ?? null;
}

/** Stores an avatar and drops the least recently used ones. */
export async function storeAvatar(avatar: StoredAvatar): Promise<void> {
  try {
    await run("readwrite", (store) => store.put(avatar));
    for (const { key } of (await storedAvatars()).slice(KEPT)) {
      await run("readwrite", (store) => store.delete(key));
    }
  } catch {
    // The storage is full or not allowed: the avatar is shown all the same, and not kept.
  }
}
