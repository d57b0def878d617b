// Elements, made briefly.

type Options = Partial<Record<"class" | "title" | "label" | "key", string>>;

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

export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

export const bytes = (size: number): string =>
  size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${Math.ceil(size / 1e3)} kB`;
