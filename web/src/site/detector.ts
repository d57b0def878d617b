// Which models the page's detector loads: a smaller or a larger one, the body alone or hands and
// face as well. Phones begin with the small one and the body alone.

const REMEMBERED = "mocap.detector";

export const DETECTORS = {
  "lite-body": "Body, fast",
  "lite-all": "Body, hands and face, fast",
  "full-body": "Body, precise",
  "full-all": "Body, hands and face, precise",
} as const;
export type Detector = keyof typeof DETECTORS;

const isDetector = (name: string | null): name is Detector => name !== null && name in DETECTORS;

/** The folder of the chosen models. */
export function detectorFolder(): Detector {
  const stored = localStorage.getItem(REMEMBERED);
  return isDetector(stored) ? stored : "lite-body";
}

export function chooseDetector(name: string): void {
  if (isDetector(name)) localStorage.setItem(REMEMBERED, name);
}
