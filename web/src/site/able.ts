// Whether this browser can run mocap.

const INSTEAD =
  "Open this page in a current Chrome, Edge, Firefox or Safari, or install mocap: " +
  "`uvx anymocap demo`.";

/** Why the page cannot work here, a sentence; null if it can. */
export function unusable(): string | null {
  if (typeof Worker === "undefined") return `This browser has no workers. ${INSTEAD}`;
  if (typeof WebAssembly === "undefined") {
    return `This browser cannot run WebAssembly, or it is turned off. ${INSTEAD}`;
  }
  if (typeof TransformStream === "undefined" || !("structuredClone" in window)) {
    return `This browser is too old for this page. ${INSTEAD}`;
  }
  const memory = (navigator as { deviceMemory?: number }).deviceMemory;
  if (memory !== undefined && memory < 1) {
    return `This device has too little memory for this page, which needs about 500 MB. ${INSTEAD}`;
  }
  return null;
}
