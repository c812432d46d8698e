// What was recorded and the server has not acknowledged yet, in this browser's IndexedDB.
//
// A take is {key, user, zone, name, language, type, recording, sent, count, finished, created}:
// `recording` is the server's id once it has one, `sent` how many pieces it has, `count` how many
// there are. Pieces are {key, number, bytes}, deleted as they are acknowledged.

const NAME = "hybridapp-recordings";

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("takes", { keyPath: "key" });
      request.result.createObjectStore("pieces", { keyPath: ["key", "number"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Runs `act` with the stores in one transaction; resolves to what it returns once committed. */
async function within(mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(["takes", "pieces"], mode, { durability: "strict" });
    const request = act(transaction.objectStore("takes"), transaction.objectStore("pieces"));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
    transaction.onerror = () => reject(transaction.error);
  });
}

export const keepTake = (take) => within("readwrite", (takes) => takes.put(take));

export const listTakes = async (user) => {
  const all = await within("readonly", (takes) => takes.getAll());
  return all.filter((take) => take.user === user); // a shared machine: each their own
};

export const getTake = (key) => within("readonly", (takes) => takes.get(key));

/** A piece and the take that counts it, together or not at all. */
export const keepPiece = (take, number, bytes) =>
  within("readwrite", (takes, pieces) => {
    pieces.put({ key: take.key, number, bytes });
    return takes.put(take);
  });

export const getPiece = (key, number) => within("readonly", (_, pieces) => pieces.get([key, number]));

export const dropPiece = (key, number) => within("readwrite", (_, pieces) => pieces.delete([key, number]));

export const dropTake = (key) =>
  within("readwrite", (takes, pieces) => {
    pieces.delete(IDBKeyRange.bound([key, 0], [key, Infinity]));
    return takes.delete(key);
  });
