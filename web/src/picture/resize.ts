// The handle in the picture's corner: it makes the panel wider and narrower, by pointer or keys.

const NARROWEST = 96;
const STEP = 24;

/** Makes the panel resizable by its handle; `changed` is called after each change. */
export function resizable(panel: HTMLElement, handle: HTMLElement, changed: () => void): void {
  const widest = (): number => {
    const aspect = Number(panel.style.getPropertyValue("--aspect") || 1);
    return Math.max(NARROWEST, Math.min(innerWidth - 32, innerHeight * 0.7 * aspect));
  };
  const set = (wanted: number): void => {
    const width = Math.round(Math.min(Math.max(wanted, NARROWEST), widest()));
    panel.style.setProperty("--width", `${width}px`);
    handle.setAttribute("aria-valuenow", String(width));
    handle.setAttribute("aria-valuemin", String(NARROWEST));
    handle.setAttribute("aria-valuemax", String(Math.round(widest())));
    changed();
  };
  handle.addEventListener("pointerdown", (down) => {
    down.preventDefault();
    const from = panel.offsetWidth;
    const move = (event: PointerEvent): void => set(from + event.clientX - down.clientX);
    handle.setPointerCapture(down.pointerId);
    handle.addEventListener("pointermove", move);
    handle.addEventListener(
      "lostpointercapture",
      () => handle.removeEventListener("pointermove", move),
      { once: true },
    );
  });
  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP };
    const step = steps[event.key as keyof typeof steps];
    if (step === undefined) return;
    event.preventDefault();
    set(panel.offsetWidth + step);
  });
  new ResizeObserver(changed).observe(panel);
}
