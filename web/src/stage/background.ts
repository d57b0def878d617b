// What is behind the avatar: the studio with its floor, a plain colour, or nothing (for the
// browser source of OBS).

const KINDS = ["studio", "plain", "transparent"] as const;
type Kind = (typeof KINDS)[number];
const REMEMBERED = "mocap.background";
const SAID: Readonly<Record<Kind, string>> = {
  studio: "",
  plain: "A plain background.",
  transparent:
    "No background: the browser source of OBS shows the avatar alone. Hide removes the panels.",
};

export class Background {
  private kind: Kind = "studio";

  /**
   * @param floor Shows or hides the floor.
   * @param said Shows a sentence.
   */
  constructor(
    private readonly floor: (on: boolean) => void,
    private readonly said: (sentence: string) => void,
  ) {
    const before = localStorage.getItem(REMEMBERED);
    if (KINDS.includes(before as Kind)) this.set(before as Kind);
  }

  next(): void {
    this.set(KINDS[(KINDS.indexOf(this.kind) + 1) % KINDS.length]!);
    localStorage.setItem(REMEMBERED, this.kind);
    this.said(SAID[this.kind]);
  }

  private set(kind: Kind): void {
    this.kind = kind;
    document.documentElement.dataset.background = kind;
    this.floor(kind === "studio");
  }
}
