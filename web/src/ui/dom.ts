// Helpers that make and find elements, and format values for them.

type Options = Partial<Record<"class" | "title" | "label" | "key", string>>;

/** Makes an element with a text and, as wanted, a class, a tooltip, a label and a key shortcut. */
export function element<K extends keyof HTMLElementTagNameMap>(
  kind: K,
  text = "",
  options: Options = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(kind);
  made.textContent = text;
  if (options.class) made.className = options.class;
  if (options.title) made.title = options.title;
  if (options.label) made.setAttribute("aria-label", options.label);
  if (options.key) made.setAttribute("aria-keyshortcuts", options.key);
  return made;
}

export function button(
  text: string,
  pressed: () => void,
  options: Options = {},
): HTMLButtonElement {
  const made = element("button", text, options);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}

/** A drop-down list; `options` maps each value to its text. */
export function choice(
  options: Readonly<Record<string, string>>,
  label: string,
  chosen: (value: string) => void,
): HTMLSelectElement {
  const made = element("select", "", { label });
  made.append(...Object.entries(options).map(([value, text]) => new Option(text, value)));
  made.addEventListener("change", () => chosen(made.value));
  return made;
}

/** A box to tick, with its text. */
export function check(
  text: string,
  title: string,
  changed: (on: boolean) => void,
): { readonly label: HTMLLabelElement; readonly input: HTMLInputElement } {
  const label = element("label", "", { class: "check", title });
  const input = element("input");
  input.type = "checkbox";
  input.addEventListener("change", () => changed(input.checked));
  label.append(input, text);
  return { label, input };
}

/** A row of elements, which wraps. */
export function row(...children: readonly Node[]): HTMLDivElement {
  const made = element("div", "", { class: "row" });
  made.append(...children);
  return made;
}

/** A panel's heading with a button that closes it. */
export function heading(text: string, close: () => void, title: string): HTMLElement {
  const made = element("header");
  made.append(element("h2", text), button("Close", close, { title }));
  return made;
}

/** The element of index.html with this id. Throws an Error if there is none. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

/** Sets a text only when it changes, so that screen readers are not disturbed. */
export function write(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Seconds as minutes and seconds, e.g. 1:02.5. */
export function minutes(seconds: number, digits = 1): string {
  const rest = (seconds % 60).toFixed(digits).padStart(3 + digits, "0");
  return `${Math.floor(seconds / 60)}:${rest}`;
}

export const bytes = (size: number): string =>
  size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${Math.ceil(size / 1e3)} kB`;

/** The sentence of an error. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
