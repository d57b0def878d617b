// The buttons of the controls and their keys.

import { byId } from "./dom";

const REMEMBERED = "mocap.view.";

/** Whether the event's target takes keys itself: a field or a list. */
function takesKeys(event: KeyboardEvent): boolean {
  const { target } = event;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), select, textarea"))
  );
}

let locked = false;

/** Makes the controls and their keys rest: a film shows what it began with. */
export function lockControls(on: boolean): void {
  locked = on;
  for (const id of ["controls", "timeline", "avatar"]) byId(id).inert = on;
}

export const controlsLocked = (): boolean => locked;

/**
 * Whether a key was pressed alone, outside fields and lists, and the controls are not locked.
 *
 * @param repeats Whether a key that is held counts.
 */
export function isPlainKey(event: KeyboardEvent, repeats = false): boolean {
  if (locked || (event.repeat && !repeats)) return false;
  return !(event.ctrlKey || event.metaKey || event.altKey || takesKeys(event));
}

/** The button of the controls with this key. Throws an Error if index.html has none. */
export function controlButton(key: string): HTMLButtonElement {
  const found = document.querySelector<HTMLButtonElement>(`#controls [data-key="${key}"]`);
  if (!found) throw new Error(`index.html has no button for ${key}`);
  return found;
}

/** Calls back when the key is pressed, while its button is visible. */
export function onKey(key: string, button: HTMLElement, pressed: () => void): void {
  window.addEventListener("keydown", (event) => {
    if (isPlainKey(event) && event.key.toLowerCase() === key && !button.closest("[hidden]")) {
      pressed();
    }
  });
}

/** Calls back when a button of the controls, or its key, is pressed. Returns the button. */
export function onPress(key: string, pressed: () => void): HTMLButtonElement {
  const button = controlButton(key);
  button.addEventListener("click", pressed);
  onKey(key, button, pressed);
  return button;
}

/**
 * A switch: a button of the controls that is on or off.
 *
 * @param turn Called with each new position, and at once with the position of an earlier visit.
 * @param remembered Whether the position is kept for the next visit.
 * @returns A function that sets the position.
 */
export function toggle(
  key: string,
  turn: (on: boolean) => void,
  remembered = true,
): (on: boolean) => void {
  const button = controlButton(key);
  const isOn = (): boolean => button.getAttribute("aria-pressed") === "true";
  const set = (on: boolean): void => {
    button.setAttribute("aria-pressed", String(on));
    if (remembered) localStorage.setItem(REMEMBERED + key, String(on));
    turn(on);
  };
  onPress(key, () => set(!isOn()));
  const before = remembered ? localStorage.getItem(REMEMBERED + key) : null;
  if (before !== null && before !== String(isOn())) set(before === "true");
  return set;
}

/** A panel of the page that a button of the controls shows and hides. */
export class SidePanel {
  constructor(
    readonly element: HTMLElement,
    key: string,
    private readonly shown: (on: boolean) => void = () => undefined,
  ) {
    this.button = onPress(key, () => this.show(this.element.hidden !== false));
  }

  private readonly button: HTMLButtonElement;

  show(on: boolean): void {
    this.element.hidden = !on;
    this.button.setAttribute("aria-pressed", String(on));
    this.shown(on);
  }
}
