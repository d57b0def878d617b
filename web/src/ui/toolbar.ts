// The rows of the toolbar have the same number of buttons, so that no row is half empty.

/** Spreads the visible buttons evenly over as few rows as the width allows. */
export function balanceToolbar(toolbar: HTMLElement): void {
  const balance = (): void => {
    toolbar.style.removeProperty("--columns");
    toolbar.removeAttribute("data-rows");
    const buttons = [...toolbar.children].filter(
      (child): child is HTMLElement => child instanceof HTMLElement && child.offsetWidth > 0,
    );
    const rows = new Set(buttons.map(({ offsetTop }) => offsetTop)).size;
    if (rows > 1) {
      toolbar.style.setProperty("--columns", String(Math.ceil(buttons.length / rows)));
      toolbar.dataset.rows = String(rows);
    }
    // What lies above the toolbar makes room for its rows.
    document.body.style.setProperty("--toolbar", `${toolbar.offsetHeight}px`);
  };
  // Buttons that appear or disappear change the toolbar, but not by what balance itself changes.
  const observer = new MutationObserver(balance);
  observer.observe(toolbar, { subtree: true, attributes: true, attributeFilter: ["hidden"] });
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-clip"] });
  window.addEventListener("resize", balance);
  balance();
}
